"""Requests of one connection are answered one after the other, and nobody can make the server hold too much."""

import asyncio
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import trustme

from ml_exporter.app.sidecar import Sidecar
from ml_exporter.core.errors import ExporterError
from ml_exporter.web import auth, server
from ml_exporter.web.application import Application
from ml_exporter.web.connection import Connection
from ml_exporter.web.messages import Request, Response, json_response, problem
from support.engine import write_config
from support.guarded import PASSWORD, USERS, basic, certificate, serve
from support.http import Running, running

GET = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(write_config(tmp_path_factory.mktemp("turns"))) as made:
        made.until("ml_exporter_ready", 1)
        yield made


def statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def header(user: str, password: str) -> bytes:
    ((name, value),) = basic(user, password).items()
    return f"{name}: {value}\r\n".encode()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(PASSWORD, PASSWORD, [200, 200]), (PASSWORD, "wrong", [200, 401]), ("wrong", PASSWORD, [401])],
)
def test_pipelined_requests_with_new_credentials(
    tmp_path: Path, first: str, second: str, expected: list[int]
) -> None:
    guarded = serve(tmp_path, USERS)
    try:
        requests = b"".join(GET + header("alice", password) + b"\r\n" for password in (first, second))
        assert statuses(guarded.raw(requests, wait=2)) == expected
    finally:
        guarded.stop()


@pytest.mark.parametrize(("password", "expected"), [(PASSWORD, [200, 400]), ("wrong", [401])])
def test_what_comes_behind_new_credentials_is_no_request(
    tmp_path: Path, password: str, expected: list[int]
) -> None:
    guarded = serve(tmp_path, USERS)
    try:
        assert (
            statuses(guarded.raw(GET + header("alice", password) + b"\r\nnon sense\r\n\r\n", wait=2)) == expected
        )
    finally:
        guarded.stop()


def test_a_request_is_admitted_when_the_one_before_is_answered(
    sidecar: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def admit(self: Application, request: Request) -> object:
        seen.append(f"admit {request.query}")
        return admit_really(self, request)

    def write(self: Connection, request: Request, keep_alive: bool, response: Response) -> None:
        seen.append(f"answer {request.query}")
        write_really(self, request, keep_alive, response)

    admit_really, write_really = Application.admit, Connection._write
    monkeypatch.setattr(Application, "admit", admit)
    monkeypatch.setattr(Connection, "_write", write)
    reload = b"POST /-/reload?%d HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    assert statuses(sidecar.raw(reload % 1 + reload % 2 + reload % 3, wait=2)) == [200, 200, 200]
    assert seen == [f"{what} {number}" for number in (1, 2, 3) for what in ("admit", "answer")]


def test_a_body_is_asked_for_when_its_turn_has_come(sidecar: Running) -> None:
    reload = b"POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    head = b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 13\r\n\r\n"
    with socket.create_connection(("127.0.0.1", sidecar.port), timeout=10) as client:
        client.sendall(reload + head)
        received = b""
        while b"100 Continue\r\n\r\n" not in received:
            received += client.recv(1000)
        assert statuses(received) == [200, 100]
        client.sendall(b'{"score":0.5}')
        assert statuses(client.recv(1000)) == [202]


def test_a_body_that_waited_for_its_turn_is_bounded(tmp_path: Path) -> None:
    guarded = serve(tmp_path, USERS)
    try:
        body = b"11170\r\n" + b"x" * 70_000 + b"\r\n0\r\n\r\n"
        head = b"POST /-/reload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + header("alice", PASSWORD)
        assert statuses(guarded.raw(head + b"\r\n" + body, wait=3)) == [413]
    finally:
        guarded.stop()


def test_logins_that_wait_in_vain_are_told_to_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_WAITING", 0)
    guarded = serve(tmp_path, USERS)
    try:
        status, headers, _ = guarded.request("GET", "/metrics", headers=basic("alice", PASSWORD))
        assert (status, headers["retry-after"]) == (503, "1")
    finally:
        guarded.stop()


def test_answers_that_nobody_reads_are_not_made(sidecar: Running) -> None:
    count = 400
    with socket.create_connection(("127.0.0.1", sidecar.port), timeout=20) as greedy:
        greedy.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * count)
        size = len(sidecar.request("GET", "/metrics")[2])
        (connection,) = [
            made for made in sidecar.sidecar._shared.connections if made._transport is not None and made._blocked
        ]
        held = connection._transport.get_write_buffer_size()
        assert held < 20 * size
        assert connection.deadline is not None
        answers, begin, tail = 0, b"HTTP/1.1 200", b""
        while answers < count:
            part = greedy.recv(1 << 20)
            assert part
            answers += (tail + part).count(begin)
            tail = part[1 - len(begin) :]


def test_whole_urls_are_understood_and_a_host_is_asked_for(sidecar: Running) -> None:
    whole = b"GET http://example.org/-/healthy?a=b HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n"
    assert statuses(sidecar.raw(whole)) == [200]
    query = b"GET http://example.org?a=/b HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n"
    assert b"text/html" in sidecar.raw(query)
    assert statuses(sidecar.raw(b"GET /-/healthy HTTP/1.1\r\n\r\n")) == [400]
    assert statuses(sidecar.raw(GET + b"Host: b\r\n\r\n")) == [400]
    assert statuses(sidecar.raw(b"GET /-/healthy HTTP/1.0\r\n\r\n")) == [200]


def test_a_reload_goes_on_when_its_client_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_config(tmp_path, more="windows: [1m]")
    with running(config) as made:
        made.until("ml_exporter_ready", 1)
        begun, go_on = threading.Event(), threading.Event()
        read_again = Sidecar._read_again

        def slowly(self: Sidecar) -> object:
            begun.set()
            assert go_on.wait(20)
            return read_again(self)

        monkeypatch.setattr(Sidecar, "_read_again", slowly)
        config.write_text(config.read_text().replace("[1m]", "[2m]"))
        with socket.create_connection(("127.0.0.1", made.port)) as gone:
            gone.sendall(b"POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            assert begun.wait(20)
        end = time.monotonic() + 10
        while made.sidecar._shared.connections and time.monotonic() < end:
            time.sleep(0.01)
        go_on.set()
        made.until('ml_window_predictions{model="model",version="1",window="2m"}', 0)


def test_an_unexpected_failure_of_a_reload_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(write_config(tmp_path)) as made:
        monkeypatch.setattr(Sidecar, "_read_again", lambda self: 1 / 0)
        assert made.request("POST", "/-/reload")[0] == 500
        assert made.metrics()["ml_exporter_config_last_reload_successful"] == 0


def test_a_reload_that_fails_after_its_client_went_away_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    async def fail(self: Sidecar, *asked: object) -> None:
        begun.set()
        await asyncio.to_thread(go_on.wait, 20)
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(Sidecar, "reload", fail)
    with running(write_config(tmp_path)) as made:
        with socket.create_connection(("127.0.0.1", made.port)) as gone:
            gone.sendall(b"POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            assert begun.wait(20)
        end = time.monotonic() + 10
        while made.sidecar._shared.connections and time.monotonic() < end:
            time.sleep(0.01)
        go_on.set()
        while "reload failed" not in caplog.text and time.monotonic() < end:
            time.sleep(0.01)
    assert "unforeseen" in caplog.text


def test_a_handshake_does_not_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_HANDSHAKE_SECONDS", 0.2)
    certificate(trustme.CA(), tmp_path)
    made = serve(tmp_path, "tls_server_config: {cert_file: server.crt, key_file: server.key}\n")
    try:
        with socket.create_connection(("127.0.0.1", made.port), timeout=10) as silent:
            assert silent.recv(1) == b""
    finally:
        made.stop()


def test_handshakes_are_bounded(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate(authority, tmp_path)
    (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: server.crt, key_file: server.key}\n")
    config = write_config(tmp_path, more="limits: {connections: 5}")
    with running(config, web_config_file=tmp_path / "web.yml") as made:
        silent = [socket.create_connection(("127.0.0.1", made.port), timeout=5) for _ in range(40)]
        end = time.monotonic() + 4
        closed: list[socket.socket] = []
        while len(closed) < 35 and time.monotonic() < end:
            closed = select.select(silent, [], [], 0.1)[0]
        assert len(closed) == 35
        assert made.sidecar._self_metrics.refused["connections"] == 35
        for client in silent:
            client.close()
        context = ssl.create_default_context()
        authority.configure_trust(context)
        while made.sidecar._server._handshakes and time.monotonic() < end:
            time.sleep(0.01)
        assert made.request("GET", "/-/healthy", context=context)[0] == 200


@pytest.mark.parametrize("path", ["/", "/-/reload", "/v1/labels"])
def test_the_metrics_cannot_take_the_place_of_another_path(tmp_path: Path, path: str) -> None:
    with pytest.raises(ExporterError, match=f"--web.telemetry-path: {path} is taken"):
        Running(write_config(tmp_path), metrics_path=path)


def test_text_that_is_no_unicode_can_be_answered() -> None:
    assert orjson.loads(problem(400, "bad \ud800", errors=[{"id": "\udfff"}]).body)["detail"].startswith("bad ")
    assert orjson.loads(json_response(200, {"a\ud800": ("\ud800", 1)}).body) == {"a?": ["?", 1]}
