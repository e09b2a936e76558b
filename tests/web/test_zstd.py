"""Bodies in zstd: read like those in gzip, and bounded in what they decompress to and the window they ask for."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from ml_exporter.core.errors import PayloadError
from ml_exporter.web.body import content_of
from support.engine import write_config
from support.http import Running, running
from support.intake import ndjson
from support.processes import Process, sidecar

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LINES = {"Content-Type": "application/x-ndjson", "Content-Encoding": "zstd"}
EVENTS = ndjson([{"id": str(n), "score": 0.5} for n in range(200)])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    config = write_config(tmp_path_factory.mktemp("zstd"))
    config.write_text(config.read_text() + "limits: {request_bytes: 1MiB}\n")
    with running(config) as made:
        yield made


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    config = write_config(tmp_path_factory.mktemp("zstd"))
    config.write_text(config.read_text() + "limits: {request_bytes: 1MiB}\n")
    made = sidecar(config)
    yield made
    made.end()


def post(server: Running, body: bytes, **headers: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    status, answer_headers, answer = server.request("POST", "/v1/predictions", body, {**LINES, **headers})
    return status, answer_headers, json.loads(answer)


def windowed(log: int, size: int) -> bytes:
    """Return a frame that asks for a window of 2 to the power of ``log`` bytes."""
    parameter = zstd.CompressionParameter
    options = {
        parameter.window_log: log,
        parameter.content_size_flag: 0,
        parameter.enable_long_distance_matching: 1,
    }
    stream = zstd.ZstdCompressor(options=options)
    return stream.compress(EVENTS[:size]) + stream.flush()


@pytest.mark.parametrize(
    "body",
    [
        zstd.compress(EVENTS),
        zstd.compress(EVENTS, 19),
        zstd.compress(EVENTS[:1_000]) + zstd.compress(EVENTS[1_000:]),
        b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip" + zstd.compress(EVENTS),
        windowed(23, len(EVENTS)),
    ],
    ids=["one frame", "high level", "two frames", "a frame to skip", "the largest window"],
)
def test_frames_are_read(server: Running, body: bytes) -> None:
    status, _, answer = post(server, body)
    assert (status, answer.get("accepted")) == (202, 200), answer


@pytest.mark.parametrize(
    ("body", "status", "reason", "detail"),
    [
        (zstd.compress(EVENTS)[:-5], 400, "malformed", "not valid zstd: the stream is cut"),
        (zstd.compress(EVENTS) + zstd.compress(EVENTS)[:9], 400, "malformed", "not valid zstd: the stream is cut"),
        (b"", 400, "malformed", "not valid zstd: the stream is cut"),
        (EVENTS, 400, "malformed", "not valid zstd: "),
        (zstd.compress(EVENTS) + b"more", 400, "malformed", "not valid zstd: "),
        (
            zstd.compress(b"") * 101,
            400,
            "malformed",
            "zstd of more than 100 members; compress the body as a whole",
        ),
        (windowed(24, len(EVENTS)), 400, "malformed", "not valid zstd: "),
        (windowed(27, len(EVENTS)), 400, "malformed", "not valid zstd: "),
        (
            zstd.compress(b"\n" * 1_048_577),
            413,
            "too_large",
            "the decompressed body must not exceed 1048576 bytes",
        ),
        (
            zstd.compress(b"\n" * 600_000) * 2,
            413,
            "too_large",
            "the decompressed body must not exceed 1048576 bytes",
        ),
    ],
    ids=["cut", "second cut", "empty", "plain", "more", "members", "16 MiB", "128 MiB", "bomb", "two bombs"],
)
def test_what_is_no_zstd_or_too_much_is_refused(
    server: Running, body: bytes, status: int, reason: str, detail: str
) -> None:
    lost = f'ml_exporter_events_lost_total{{reason="{reason}"}}'
    before = server.metrics()[lost]
    found, _, answer = post(server, body)
    assert (found, answer["reason"]) == (status, reason)
    assert answer["detail"].startswith(detail)
    assert server.metrics()[lost] == before + 1


def test_a_bomb_takes_no_memory(process: Process) -> None:
    bomb = zstd.compress(b"\0" * (400 << 20), 19)
    assert len(bomb) < 100_000
    headers = {"Content_Type": "application/json", "Content_Encoding": "zstd"}
    assert process.request("POST", "/v1/predictions", zstd.compress(b'{"score": 0.5}'), **headers)[0] == 202
    before = psutil.Process(process.process.pid).memory_info().rss
    for _ in range(5):
        assert process.request("POST", "/v1/predictions", bomb, **headers)[0] == 413
    assert psutil.Process(process.process.pid).memory_info().rss - before < 24 << 20


def test_an_unknown_encoding_is_told_which_are_known(server: Running) -> None:
    for encoding in ("br", "zstd, gzip", "deflate"):
        status, headers, answer = post(server, EVENTS, **{"Content-Encoding": encoding})
        assert (status, headers["accept-encoding"]) == (415, "gzip, zstd")
        assert answer["detail"] == f'Content-Encoding "{encoding}" is not understood; use gzip, zstd or none'


def test_a_dictionary_cannot_be_known() -> None:
    words = zstd.train_dict([b"some words %d " % n * 9 for n in range(500)], 1_000)
    with pytest.raises(PayloadError, match="not valid zstd"):
        content_of(zstd.compress(EVENTS, zstd_dict=words), "zstd", 1 << 20)
