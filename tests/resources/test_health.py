"""Health checks of real servers: good, bad, slow, stuck, gone; and a collection that none of them holds up."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from ml_exporter.core.errors import ResourceError
from ml_exporter.core.metrics import Kind
from ml_exporter.resources.health import HealthReader, reader
from ml_exporter.resources.probe import Answer, probe
from ml_exporter.resources.target import Health, Target
from support.engine import values
from support.listening import answering
from support.processes import free_port


def says(text: bytes) -> Callable[[socket.socket], None]:
    def answer(client: socket.socket) -> None:
        assert client.recv(4096).startswith(b"GET /healthz?deep=1 HTTP/1.1\r\nHost: 127.0.0.1:")
        client.sendall(text)

    return answer


def drips(client: socket.socket) -> None:
    """Send a byte of an endless head at a time: no single one is late."""
    client.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(400):
        client.sendall(b"x")
        time.sleep(0.02)


def ask(url: str, timeout: float = 5.0) -> Answer:
    return asyncio.run(probe(url, timeout))


@pytest.mark.parametrize(
    ("text", "result", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "healthy", 200),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "healthy", 204),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "healthy", 302),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "status", 503),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "status", 404),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "healthy", 200),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "invalid", None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "invalid", None),
        (b"", "invalid", None),
        (b"HTTP/1.1 200 OK\r\n", "invalid", None),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000, "invalid", None),
    ],
    ids=lambda value: value[:20].decode() if isinstance(value, bytes) else "",
)
def test_what_a_server_says(text: bytes, result: str, status: int | None) -> None:
    with answering(says(text)) as url:
        found = ask(url)
    assert (found.result, found.status) == (result, status)
    assert 0 < found.seconds < 5


def test_a_server_that_is_not_there() -> None:
    assert ask(f"http://127.0.0.1:{free_port()}/").result == "unreachable"
    assert ask("http://does-not-exist.invalid/").result == "unreachable"
    assert ask(f"http://{'a' * 64}.invalid/").result == "unreachable"


@pytest.mark.parametrize("answer", [lambda client: time.sleep(3), drips], ids=["silent", "dripping"])
def test_the_deadline_is_for_all_of_it(answer: Callable[[socket.socket], None]) -> None:
    with answering(answer) as url:
        found = ask(url, 0.3)
    assert found.result == "timeout"
    assert 0.3 <= found.seconds < 1.5


def test_a_certificate_that_nobody_vouches_for_is_no_health(tmp_path: object) -> None:
    import ssl

    import trustme

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    def handshake(client: socket.socket) -> None:
        context.wrap_socket(client, server_side=True).close()

    with answering(handshake) as url:
        assert ask(url.replace("http:", "https:")).result == "unreachable"


@pytest.fixture
def watched() -> Iterator[Callable[..., HealthReader]]:
    """Make readers whose threads end with the test."""
    targets: list[Target] = []

    def make(url: str, interval: float = 0.05, timeout: float = 1.0, **server: int) -> HealthReader:
        targets.append(Target(health=Health(url, interval, timeout), **server))  # type: ignore[arg-type]
        found = reader(targets[-1])
        assert isinstance(found, HealthReader)
        return found

    yield make
    for target in targets:
        target.stopped.set()


def until(found: HealthReader, name: str, expected: float, **labels: str) -> dict[tuple[object, ...], float]:
    end = time.monotonic() + 20
    key = (name, *sorted(labels.items()))
    while True:
        seen = dict(values(list(found.collect())))
        if seen.get(key, -1) >= expected:
            return seen
        assert time.monotonic() < end, seen
        time.sleep(0.01)


def test_probes_are_counted_by_result(watched: Callable[..., HealthReader]) -> None:
    answers = iter([b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 503 No\r\n\r\n", b"?"])

    def answer(client: socket.socket) -> None:
        says(next(answers, b"?"))(client)

    with answering(answer) as url:
        found = watched(url)
        seen = until(found, "ml_server_health_probes_total", 2, result="invalid")
    assert seen["ml_server_health_probes_total", ("result", "healthy")] == 1
    assert seen["ml_server_health_probes_total", ("result", "status")] == 1
    assert seen["ml_server_health_up",] == 0
    assert ("ml_server_health_status_code",) not in seen, "the last check had no answer"
    assert abs(seen["ml_server_health_timestamp_seconds",] - time.time()) < 10
    (durations,) = [block for block in found.collect() if block.metric.kind is Kind.HISTOGRAM]
    assert durations.values[:-1].sum() == 2
    assert 0 < durations.values[-1] < 2


def test_a_server_that_hangs_holds_up_no_collection(watched: Callable[..., HealthReader]) -> None:
    with answering(lambda client: time.sleep(2)) as url:
        found = watched(url, timeout=0.2)
        slowest = 0.0
        end = time.monotonic() + 20
        counted = 0.0
        while counted < 2:
            began = time.monotonic()
            seen = dict(values(list(found.collect())))
            slowest = max(slowest, time.monotonic() - began)
            counted = seen["ml_server_health_probes_total", ("result", "timeout")]
            assert began < end
            time.sleep(0.005)
    assert slowest < 0.15
    assert seen["ml_server_health_up",] == 0
    assert ("ml_server_health_status_code",) not in seen


def test_nothing_is_said_before_the_first_answer(watched: Callable[..., HealthReader]) -> None:
    with answering(lambda client: time.sleep(1)) as url:
        seen = dict(values(list(watched(url, timeout=1).collect())))
    assert {name for name, *_ in seen} == {"ml_server_health_probes_total"}
    assert not np.any(list(seen.values()))


SLOW_START = """
import http.server, sys, time
sys.stdin.readline()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_the_time_of_loading_is_told_if_it_was_seen(watched: Callable[..., HealthReader]) -> None:
    port = free_port()
    began = time.time()
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_START, str(port)], stdin=subprocess.PIPE, text=True
    ) as server:
        try:
            found = watched(f"http://127.0.0.1:{port}/", timeout=10.0, pid=server.pid)
            seen = until(found, "ml_server_health_probes_total", 2, result="unreachable")
            assert ("ml_server_model_load_seconds",) not in seen
            assert server.stdin is not None
            loaded_from = time.time()
            server.stdin.write("\n")
            server.stdin.flush()
            seen = until(found, "ml_server_model_load_seconds", 0)
            assert loaded_from - began - 0.1 < seen["ml_server_model_load_seconds",] < time.time() - began + 0.1
            # Somebody who comes later cannot know.
            while time.time() < began + 0.6:
                time.sleep(0.05)
            late = watched(f"http://127.0.0.1:{port}/", timeout=0.5, pid=server.pid)
            assert ("ml_server_model_load_seconds",) not in until(late, "ml_server_health_up", 1)
        finally:
            server.kill()


def test_the_status_is_that_of_the_last_check() -> None:
    found = HealthReader(Target(), Health("http://localhost/"))

    def after(result: str, status: int | None) -> float | None:
        found.take(Answer(result, status, 0.1, 1_000), None)
        return dict(values(list(found.found()))).get(("ml_server_health_status_code",))

    assert (after("healthy", 200), after("status", 503)) == (200, 503)
    assert after("unreachable", None) is None
    assert after("healthy", 204) == 204


def test_a_server_that_falls_ill_later_did_not_load_again() -> None:
    found = HealthReader(Target(pid=os.getpid()), Health("http://localhost/"))

    def after(result: str, at: float, started: float) -> float | None:
        found.take(Answer(result, None, 0.1, at), started)
        return found._loading.seconds

    # It had been running for long before anybody looked.
    assert after("timeout", 1_000, 100) is None
    assert after("healthy", 1_010, 100) is None
    # It starts anew, and loads for 30 seconds.
    assert after("unreachable", 1_110, 1_105) is None
    assert after("healthy", 1_135, 1_105) == 30
    assert after("timeout", 1_200, 1_105) == 30
    assert after("healthy", 1_300, 1_105) == 30
    # The next one has loaded before the first check.
    assert after("healthy", 1_410, 1_405) == 5


def test_a_check_that_fails_by_a_mistake_is_told_until_a_later_one_does_not(
    watched: Callable[..., HealthReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = [threading.Event() for _ in range(3)]
    told = threading.Event()
    rounds = iter(begun)

    async def broken_once(url: str, timeout: float) -> Answer:
        mine = next(rounds, begun[-1])
        mine.set()
        if mine is begun[1]:
            raise RuntimeError("a mistake")
        if mine is begun[2]:
            await asyncio.to_thread(told.wait, 20)
        return Answer("healthy", 200, 0.01, time.time())

    monkeypatch.setattr("ml_exporter.resources.health.probe", broken_once)
    found = watched("http://localhost/", interval=0.01)
    with contextlib.suppress(ResourceError):
        list(found.collect())
    assert begun[2].wait(20), "the checks have ended"
    with pytest.raises(ResourceError, match="health checks fail: RuntimeError\\('a mistake'\\)"):
        list(found.collect())
    told.set()
    end = time.monotonic() + 20
    while found._failure is not None:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert until(found, "ml_server_health_probes_total", 3, result="healthy")["ml_server_health_up",] == 1


def test_no_address_no_reader() -> None:
    assert reader(Target(pid=os.getpid())) is None
