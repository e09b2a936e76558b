"""What servers tell of the model that they have loaded: another one, the same, none, or what tells nothing."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ml_exporter.core.errors import ResourceError
from ml_exporter.resources.model_reload import ReloadReader, reader
from ml_exporter.resources.probe import Answer, fetch
from ml_exporter.resources.target import ModelStatus, Target
from support.engine import values
from support.listening import answering
from support.processes import free_port

PAGE = (Path(__file__).parents[2] / "docs/versions.md").read_text()


def says(text: bytes) -> Callable[[socket.socket], None]:
    def answer(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(text)

    return answer


def ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


EARLY = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("text", "result", "body"),
    [
        (ok(b"v1"), "success", b"v1"),
        (ok(b"v" * 60_000), "success", b"v" * 60_000),
        (CHUNKED + b"2\r\nv1\r\n3\r\n.02\r\n0\r\n\r\n", "success", b"v1.02"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", "success", b"until the end"),
        (EARLY + ok(b"v1"), "success", b"v1"),
        (EARLY, "invalid", None),
        (ok(b"v1") + ok(b"v2"), "success", b"v1"),
        (ok(b"v1") + b"rubbish", "success", b"v1"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nv1", "success", b"v1"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "invalid", None),
        (b"HTTP/1.1 404 Not Found\r\n\r\n{}", "status", None),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "status", None),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\nv2", "status", None),
        (ok(b"v1")[:-1], "invalid", None),
        (CHUNKED + b"2\r\nv1\r\n", "invalid", None),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000, "invalid", None),
        (ok(b"v" * 70_000), "too_large", None),
        (b"HTTP/1.0 200 OK\r\n\r\n" + b"v" * 70_000, "too_large", None),
        (CHUNKED + b"1\r\nv\r\n" * 20_000, "too_large", None),
    ],
    ids=lambda value: value[:40].decode() if isinstance(value, bytes) else "",
)
def test_a_body_is_taken_whole_or_not_at_all(text: bytes, result: str, body: bytes | None) -> None:
    with answering(says(text)) as url:
        found = asyncio.run(fetch(url, 5.0))
    assert (found.result, found.body) == (result, body)


def test_the_deadline_is_for_the_body_too() -> None:
    def drips(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100):
            client.sendall(b"v")
            time.sleep(0.02)

    with answering(drips) as url:
        found = asyncio.run(fetch(url, 0.2))
    assert (found.result, found.body) == ("timeout", None)
    assert 0.2 <= found.seconds < 1.5


@pytest.fixture
def watched() -> Iterator[Callable[..., ReloadReader]]:
    """Make readers whose threads end with the test."""
    targets: list[Target] = []

    def make(url: str, field: str | None = None, timeout: float = 1.0, **server: int) -> ReloadReader:
        targets.append(Target(model=ModelStatus(url, field, 0.01, timeout), **server))  # type: ignore[arg-type]
        found = reader(targets[-1])
        assert isinstance(found, ReloadReader)
        return found

    yield make
    for target in targets:
        target.stopped.set()


Seen = dict[tuple[object, ...], float]
RELOADS = ("ml_server_model_reloads_total",)
LOADED = ("ml_server_model_loaded_timestamp_seconds",)
TOLD = ("ml_server_model_probe_success",)


def until(found: ReloadReader, holds: Callable[[Seen], bool]) -> Seen:
    end = time.monotonic() + 20
    while True:
        seen = dict(values(list(found.collect())))
        if holds(seen):
            return seen
        assert time.monotonic() < end, seen
        time.sleep(0.01)


def results(seen: Seen) -> dict[str, float]:
    return {key[1][1]: value for key, value in seen.items() if key[0] == "ml_server_model_probes_total"}  # type: ignore[index]


def after(watched: Callable[..., ReloadReader], field: str | None, *answers: bytes) -> Seen:
    """Return what is seen of a server that gives these answers, and then the last one again and again."""
    left = list(answers)

    def answer(client: socket.socket) -> None:
        says(left.pop(0) if len(left) > 1 else left[0])(client)

    with answering(answer) as url:
        return until(watched(url, field), lambda seen: sum(results(seen).values()) > len(answers))


def tensorflow(version: int) -> bytes:
    signature = {"inputs": {}, "outputs": {}, "method_name": "tensorflow/serving/predict"}
    spec = {"name": "flights", "signature_name": "", "version": str(version)}
    metadata = {"signature_def": {"signature_def": {"serving_default": signature}}}
    return ok(json.dumps({"model_spec": spec, "metadata": metadata}).encode())


def triton(*versions: str) -> bytes:
    tensor = {"name": "input", "datatype": "FP32", "shape": [-1, 7]}
    told = {"name": "flights", "versions": versions, "platform": "onnxruntime_onnx", "inputs": [tensor]}
    return ok(json.dumps({**told, "outputs": [{**tensor, "name": "late", "shape": [-1, 1]}]}).encode())


def torchserve(version: str, memory: int) -> bytes:
    started = "2018-10-02T13:44:53.034Z"
    worker = {"id": "9000", "startTime": started, "status": "READY", "gpu": False, "memoryUsage": memory}
    told = {"modelName": "flights", "modelVersion": version, "modelUrl": "flights.mar", "engine": "Torch"}
    return ok(json.dumps([{**told, "workers": [worker]}]).encode())


FIELDS = {
    "TensorFlow Serving": "/model_spec/version",
    "Triton": "/versions",
    "TorchServe": "/0/modelVersion",
}


@pytest.mark.parametrize(
    ("field", "same", "other"),
    [
        (FIELDS["TensorFlow Serving"], [tensorflow(1), tensorflow(1)], tensorflow(2)),
        (FIELDS["Triton"], [triton("1", "2"), triton("1", "2")], triton("2", "3")),
        (
            FIELDS["TorchServe"],
            [torchserve("1.0", 89247744), torchserve("1.0", 89251840)],
            torchserve("2.0", 89251840),
        ),
        (None, [ok(b"v1"), ok(b"v1")], ok(b"v2")),
        ("/loaded", [ok(b'{"loaded": {"a": 1, "b": 2}}'), ok(b'{"loaded":{"b":2,"a":1}}')], ok(b'{"loaded": {}}')),
        ("/loaded", [ok(b'{"loaded": 1, "loss": NaN}'), ok(b'{"loaded": 1}')], ok(b'{"loaded": 2, "loss": NaN}')),
    ],
    ids=["TensorFlow Serving", "Triton", "TorchServe", "body", "spelling", "NaN beside"],
)
def test_another_answer_is_a_reload(
    watched: Callable[..., ReloadReader], field: str | None, same: list[bytes], other: bytes
) -> None:
    began = time.time()
    seen = after(watched, field, *same)
    assert (seen[RELOADS], seen[TOLD]) == (0, 1)
    assert LOADED not in seen, "it may have loaded long ago"
    seen = after(watched, field, *same, other)
    assert (seen[RELOADS], seen[TOLD]) == (1, 1)
    assert began <= seen[LOADED] <= time.time()
    assert after(watched, field, *same, other, *same)[RELOADS] == 2


@pytest.mark.parametrize("name", FIELDS)
def test_the_documentation_names_the_fields_that_work(name: str) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {name} |")]
    assert row.endswith(f"| `{FIELDS[name]}` |")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status"),
        (b"HTTP/1.1 503 No\r\n\r\n", "status"),
        (b"?", "invalid"),
        (ok(b"v" * 70_000), "too_large"),
        (ok(b"loading"), "not_json"),
        (ok(b"[" * 30_000), "not_json"),
        (ok(b'{"version": NaN}'), "not_json"),
        (ok(b'{"version": [-Infinity]}'), "not_json"),
        (ok(b'{"version": 1e999}'), "not_json"),
        (ok(b""), "empty"),
        (ok(b'{"error": "none"}'), "empty"),
        (ok(b'{"version": null}'), "empty"),
        (ok(b"5"), "empty"),
    ],
    ids=lambda value: value[:30].decode() if isinstance(value, bytes) else "",
)
def test_what_tells_nothing_is_no_reload(watched: Callable[..., ReloadReader], text: bytes, result: str) -> None:
    first, second = ok(b'{"version": 1}'), ok(b'{"version": 2}')
    seen = after(watched, "/version", first, text, text, first, text)
    assert (seen[RELOADS], seen[TOLD]) == (0, 0)
    assert LOADED not in seen
    counted = results(seen)
    assert (counted.pop("success"), counted.pop(result)) == (2, sum(results(seen).values()) - 2)
    assert not any(counted.values())
    assert after(watched, "/version", first, text, second)[RELOADS] == 1
    seen = after(watched, "/version", text)
    assert (seen[TOLD], RELOADS in seen) == (0, False), "nothing was ever told"


def test_an_empty_body_tells_nothing(watched: Callable[..., ReloadReader]) -> None:
    seen = after(watched, None, ok(b"v1"), ok(b""))
    assert (seen[RELOADS], seen[TOLD], results(seen)["success"]) == (0, 0, 1)


def test_a_server_that_hangs_or_is_gone_holds_up_nothing(watched: Callable[..., ReloadReader]) -> None:
    gone = watched(f"http://127.0.0.1:{free_port()}/")
    with answering(lambda client: time.sleep(0.5)) as url:
        found = watched(url, timeout=0.1)
        began = time.monotonic()
        seen = dict(values(list(found.collect())))
        assert time.monotonic() - began < 0.1
        assert {name for name, *_ in seen} == {"ml_server_model_probes_total"}
        seen = until(found, lambda seen: results(seen)["timeout"] > 0)
    assert seen[TOLD] == 0
    assert until(gone, lambda seen: results(seen)["unreachable"] > 0)[TOLD] == 0


SERVER = """
import http.server, sys, threading
version = sys.stdin.readline()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(version.encode())
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for version in sys.stdin: pass
"""


def test_a_start_and_a_reload_within_a_process(watched: Callable[..., ReloadReader]) -> None:
    port = free_port()
    command = [sys.executable, "-c", SERVER, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as server:

        def load(version: str) -> float:
            assert server.stdin is not None
            began = time.time()
            server.stdin.write(f"{version}\n")
            server.stdin.flush()
            return began

        try:
            found = watched(f"http://127.0.0.1:{port}/", timeout=10.0, pid=server.pid)
            assert LOADED not in until(found, lambda seen: results(seen)["unreachable"] > 1)
            began = load("v1")
            seen = until(found, lambda seen: LOADED in seen)
            assert (seen[RELOADS], began <= seen[LOADED] <= time.time()) == (0, True)
            began = load("v2")
            seen = until(found, lambda seen: seen[RELOADS] > 0)
            assert (seen[RELOADS], began <= seen[LOADED] <= time.time()) == (1, True)
        finally:
            server.kill()


def test_the_last_load_is_told_only_if_it_was_seen() -> None:
    found = ReloadReader(Target(pid=os.getpid()), ModelStatus("http://localhost/"))

    def after(told: str, at: float, started: float | None) -> tuple[float, float | None]:
        result = "success" if told else "unreachable"
        found.take(Answer(result, None, 0.1, at, told.encode() or None), started)
        return found._reloads, found._loading.at

    # It had been running for long before anybody looked.
    assert after("v1", 1_000, 100) == (0, None)
    assert after("v2", 1_010, 100) == (1, 1_010)
    # It is gone for a while, which is no load.
    assert after("", 1_020, None) == (1, 1_010)
    # It starts anew with the same model, and loads for 30 seconds.
    assert after("", 1_110, 1_105) == (1, None)
    assert after("v2", 1_135, 1_105) == (1, 1_135)
    assert after("", 1_150, 1_105) == (1, 1_135)
    assert after("v2", 1_160, 1_105) == (1, 1_135)
    # The next one comes with another model.
    assert after("v3", 1_210, 1_205) == (2, 1_210)
    # Of one that nobody saw start only another model has a time.
    assert after("v3", 2_000, 1_900) == (2, None)
    assert after("v4", 3_000, 2_900) == (3, 3_000)


def test_requests_that_fail_by_a_mistake_are_told(
    watched: Callable[..., ReloadReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(url: str, timeout: float) -> Answer:
        raise RuntimeError("a mistake")

    monkeypatch.setattr("ml_exporter.resources.model_reload.fetch", broken)
    found = watched("http://localhost/")
    with pytest.raises(ResourceError, match=r"requests to server\.model_url fail: RuntimeError"):
        until(found, lambda seen: False)


def test_no_address_no_reader() -> None:
    assert reader(Target(pid=os.getpid())) is None
