"""Hostile Arrow streams and Parquet files: each ends in an answer, and takes no memory beyond its bounds."""

import io
import json
import re
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pytest
from pyarrow import ipc

from ml_exporter.ingest.intake import Intake
from ml_exporter.ingest.tables.pages import read_page
from support.engine import write_config
from support.http import running
from support.processes import Process, sidecar
from support.tables import ARROW, PARQUET, file, stream

LIMIT = 1 << 20
LIMITS = "limits: {request_bytes: 1MiB, queue_events: 10000}\n"
GROWTH = 200 << 20
"""What a hostile body may make the process grow by: pyarrow's code, and some times the limit."""


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    config = write_config(tmp_path_factory.mktemp("tables"))
    config.write_text(config.read_text() + LIMITS)
    made = sidecar(config)
    yield made
    made.end()


def post(process: Process, body: bytes, kind: str, path: str = "/v1/predictions") -> tuple[int, dict[str, Any]]:
    status, answer = process.request("POST", path, body, Content_Type=kind)
    return status, json.loads(answer)


def text(*values: str) -> pa.Table:
    return pa.table({"id": list(values), "score": [0.5] * len(values)})


def claimed_length(length: int) -> bytes:
    """Return a stream of a compressed buffer that claims another length."""
    body = bytearray(stream(pa.table({"score": np.zeros(1_000)}), compression="zstd"))
    place = body.index(struct.pack("<q", 8_000))
    body[place : place + 8] = struct.pack("<q", length)
    return bytes(body)


def rows_without_columns(rows: int) -> bytes:
    body = bytearray(stream(pa.table({"score": pa.nulls(77_777 % 10_000)})))
    while (place := body.find(struct.pack("<q", 7_777))) >= 0:
        body[place : place + 8] = struct.pack("<q", rows)
    return bytes(body)


def delta_dictionaries() -> bytes:
    sink, kind = io.BytesIO(), pa.dictionary(pa.int32(), pa.string())
    options = ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with ipc.new_stream(sink, pa.schema({"id": kind}), options=options) as writer:
        for entries in (["a"], ["a", "b"]):
            column = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), pa.array(entries))
            writer.write_batch(pa.record_batch({"id": column}))
    return sink.getvalue()


def wild_index() -> bytes:
    column = pa.DictionaryArray.from_arrays(pa.array([5, 1 << 30], pa.int32()), pa.array(["a"]), safe=False)
    return stream(pa.table({"id": column}))


def wild_offsets() -> bytes:
    offsets = pa.py_buffer(np.array([0, 1 << 30, 2], np.int32))
    column = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"ab"))
    return stream(pa.table({"id": column}))


def views(count: int, length: int) -> bytes:
    """Return a column of views that all show one long text."""
    view = struct.pack("<i4sii", length, b"x" * 4, 0, 0)
    buffers = [None, pa.py_buffer(view * count), pa.py_buffer(b"x" * length)]
    return stream(pa.table({"id": pa.Array.from_buffers(pa.string_view(), count, buffers)}))


def shared_text(count: int, length: int) -> pa.Table:
    column = pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array(["x" * length]))
    return pa.table({"id": column, "features.few": column})


def wide_list(elements: int) -> pa.Table:
    inner = pa.StructArray.from_buffers(pa.struct([]), elements, [None])
    column = pa.ListArray.from_arrays(pa.array([0, elements], pa.int32()), inner)
    return pa.table({"features.normal": column, "id": column})


def lying_page(body: bytes, name: str = "decompressed") -> bytes:
    """Return a Parquet file whose first page claims two gigabytes."""
    page = read_page(body, 4)
    value = {"decompressed": page.decompressed}[name]
    old = _zigzag(value)
    place = body.index(old, 4)
    return body[:place] + _zigzag((1 << 31) - 1) + body[place + len(old) :]


def _zigzag(number: int) -> bytes:
    number, out = number << 1, bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


PLAIN = stream(text("a", "b"))
PLAIN_FILE = file(text("a", "b"))
BOMB = pa.table({"score": np.zeros(9_000), **{f"features.x{n}": np.zeros(9_000) for n in range(2_000)}})

BODIES: dict[str, tuple[Any, str, int, str | None]] = {
    "empty stream": (lambda: b"", ARROW, 400, "malformed"),
    "no stream": (lambda: b'{"score": 0.5}' * 100, ARROW, 400, "malformed"),
    "a file in place of a stream": (lambda: PLAIN_FILE, ARROW, 400, "malformed"),
    "huge metadata": (lambda: b"\xff\xff\xff\xff\xff\xff\xff\x7f" + b"x" * 100, ARROW, 400, "malformed"),
    "noise in the metadata": (lambda: PLAIN[:8] + b"\xff" * 200 + PLAIN[208:], ARROW, 400, "malformed"),
    "a length that lies": (lambda: claimed_length(1 << 40), ARROW, 413, "too_large"),
    "a length that is short": (lambda: claimed_length(8), ARROW, 400, "malformed"),
    "a negative length": (lambda: claimed_length(-5), ARROW, 400, "malformed"),
    "a bomb of zstd": (lambda: stream(BOMB, compression="zstd"), ARROW, 413, "too_large"),
    "a bomb of lz4": (lambda: stream(BOMB, compression="lz4"), ARROW, 413, "too_large"),
    "rows without values": (lambda: rows_without_columns(1 << 40), ARROW, 413, "too_large"),
    "negative rows": (lambda: rows_without_columns(-1), ARROW, 400, "malformed"),
    "dictionaries in parts": (delta_dictionaries, ARROW, 400, "malformed"),
    "an index beyond its dictionary": (wild_index, ARROW, 400, "malformed"),
    "a text beyond its buffer": (wild_offsets, ARROW, 400, "malformed"),
    "views of one text": (lambda: views(5_000, 500_000), ARROW, 413, "too_large"),
    "many columns": (lambda: stream(pa.table({f"c{n}": pa.nulls(1) for n in range(10_001)})), ARROW, 413, None),
    "no parquet": (lambda: b"PAR1" + b"x" * 1_000 + b"PAR1", PARQUET, 400, "malformed"),
    "a stream in place of a file": (lambda: PLAIN, PARQUET, 400, "malformed"),
    "a cut file": (lambda: PLAIN_FILE[:-20], PARQUET, 400, "malformed"),
    "a footer beyond the file": (lambda: PLAIN_FILE[:-8] + b"\xff\xff\xff\x7fPAR1", PARQUET, 400, "malformed"),
    "a page that lies": (
        lambda: lying_page(file(text("a" * 50, "b"), compression="zstd")),
        PARQUET,
        413,
        "too_large",
    ),
    "a bomb of pages": (
        lambda: file(pa.table({"id": ["x" * 3_000_000]}), compression="zstd"),
        *(PARQUET, 413, "too_large"),
    ),
    "many rows": (lambda: file(pa.table({"score": np.zeros(10_001)})), PARQUET, 413, "too_large"),
    "many row groups": (
        lambda: file(pa.table({"score": np.zeros(1_001)}), row_group_size=1),
        *(PARQUET, 413, "too_large"),
    ),
    "prefixes that repeat": (
        lambda: file(
            pa.table({"id": ["x" * 1_000] * 9_000}),
            use_dictionary=False,
            column_encoding={"id": "DELTA_BYTE_ARRAY"},
        ),
        *(PARQUET, 400, "invalid"),
    ),
    "no rows": (lambda: stream(pa.table({"score": pa.array([], pa.float64())})), ARROW, 400, "malformed"),
    "no columns": (lambda: stream(pa.table({})), ARROW, 400, "malformed"),
}


def resident(process: Process) -> int:
    return psutil.Process(process.process.pid).memory_info().rss


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_table_is_refused(process: Process, name: str) -> None:
    make, kind, expected, reason = BODIES[name]
    body = make()
    assert len(body) <= LIMIT
    before = resident(process)
    lost = process.metrics()
    status, answer = post(process, body, kind)
    assert (status, answer["status"]) == (expected, expected), answer
    assert reason is None or answer["reason"] == reason, answer
    counted = f'ml_exporter_events_lost_total{{reason="{answer["reason"]}"}}'
    process.until(counted, lost[counted] + 1)
    assert resident(process) - before < GROWTH
    assert process.get("/-/healthy")[0] == 200


@pytest.mark.parametrize("kind", [ARROW, PARQUET])
def test_every_cut_of_a_body_is_refused(process: Process, kind: str) -> None:
    events = pa.table(
        {"id": ["a", "b"], "score": [0.1, 0.2], "features.few": pa.array(["a", "b"]).dictionary_encode()}
    )
    whole = stream(events) if kind == ARROW else file(events)
    for end in range(0, len(whole) - 8, 29):
        status, answer = post(process, whole[:end], kind)
        # A stream may end after any message: one that ends after its schema has no events.
        assert (status, answer.get("reason")) == (400, "malformed"), end


@pytest.mark.parametrize("kind", [ARROW, PARQUET])
def test_flipped_bytes_do_no_harm(process: Process, kind: str) -> None:
    rng = np.random.default_rng(11)
    table = pa.table(
        {
            "id": [f"id-{n}" for n in range(50)],
            "score": rng.random(50),
            "features.normal": pa.array([None if n % 7 else 1.5 for n in range(50)]),
            "features.few": pa.array(["a", "b"] * 25).dictionary_encode(),
        }
    )
    before = resident(process)
    for number in range(150):
        options: dict[str, Any] = {"compression": "zstd"} if number % 2 else {}
        body = bytearray(stream(table, **options) if kind == ARROW else file(table, **options))
        for place in rng.integers(0, len(body), 1 + number % 8):
            body[place] = rng.integers(0, 256)
        status, answer = post(process, bytes(body), kind)
        assert status in (202, 400, 413), answer
    assert process.get("/-/healthy")[0] == 200
    assert resident(process) - before < GROWTH


@pytest.mark.parametrize("kind", [ARROW, PARQUET])
def test_one_text_of_all_rows_is_held_once(process: Process, kind: str) -> None:
    process.until("ml_exporter_queue_events", 0)
    table = shared_text(9_000, 400_000)
    body = stream(table.select(["id"])) if kind == ARROW else file(table.select(["id"]), compression="zstd")
    before = resident(process)
    status, answer = post(process, body, kind)
    assert (status, answer.get("accepted")) == (202, 9_000), answer
    assert resident(process) - before < GROWTH


def test_a_large_dictionary_is_looked_up_once(process: Process) -> None:
    entries = pa.array([f"{n:x}" for n in range(40_000)])
    column = pa.DictionaryArray.from_arrays(pa.array([1, 2], pa.int32()), entries)
    status, answer = post(process, stream(pa.table({"features.few": column})), ARROW)
    assert (status, answer.get("accepted")) == (202, 2), answer


def test_nested_values_are_not_read_out(process: Process) -> None:
    before = resident(process)
    status, answer = post(process, stream(wide_list(1 << 30)), ARROW)
    assert (status, answer.get("accepted")) == (202, 1), answer
    assert {item["reason"] for item in answer["warnings"]} == {"type_error", "invalid_field"}
    status, answer = post(process, file(pa.table({"features.normal": [[0] * 100_000]})), PARQUET)
    assert (status, answer.get("accepted")) == (202, 1), answer
    assert resident(process) - before < GROWTH


def test_a_large_table_does_not_hold_up_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    tolerant = Intake.tolerant_predictions

    def slow(*given: object) -> object:
        begun.set()
        assert go_on.wait(20)
        return tolerant(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(Intake, "tolerant_predictions", slow)
    answers: list[Any] = []
    with running(write_config(tmp_path)) as server:

        def send(kind: str, body: bytes) -> None:
            answers.append(server.request("POST", "/v1/predictions", body, {"Content-Type": kind}))

        for kind, body in ((PARQUET, PLAIN_FILE), (ARROW, stream(pa.table({"score": [True] * 10_000})))):
            begun.clear()
            go_on.clear()
            thread = threading.Thread(target=send, args=(kind, body))
            thread.start()
            assert begun.wait(20)
            began = time.monotonic()
            assert server.request("GET", "/-/healthy")[0] == 200
            assert time.monotonic() - began < 5
            go_on.set()
            thread.join(20)
        assert [status for status, _, _ in answers] == [202, 202]


def test_without_pyarrow_the_answer_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(write_config(tmp_path)) as server:
        for name in [name for name in sys.modules if name == "pyarrow" or name.startswith("pyarrow.")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        for kind in (ARROW, PARQUET):
            status, _, body = server.request("POST", "/v1/predictions", PLAIN, {"Content-Type": kind})
            answer = json.loads(body)
            assert (status, answer["reason"]) == (415, "unsupported_media_type")
            assert re.fullmatch(
                r'Content-Type "\S+" needs pyarrow, .* install ml-exporter\[arrow\], or send JSON',
                answer["detail"],
            )
        server.until('ml_exporter_events_lost_total{reason="unsupported_media_type"}', 2)


def test_serving_starts_without_pyarrow_and_loads_it_with_the_first_table(
    process: Process, tmp_path: Path
) -> None:
    fresh = sidecar(write_config(tmp_path))
    try:

        def loaded() -> bool:
            return any("pyarrow" in item.path for item in psutil.Process(fresh.process.pid).memory_maps())

        assert fresh.post("/v1/predictions", [{"score": 0.5}])[0] == 202
        assert not loaded()
        assert post(fresh, PLAIN, ARROW)[0] == 202
        assert loaded()
    finally:
        fresh.end()
