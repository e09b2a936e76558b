"""The HTTP face over real sockets: what it answers, what it refuses, and that neither harms the next request."""

import gzip
import json
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ml_exporter.web import connection
from support import workload
from support.engine import write_config
from support.http import Running, running
from support.intake import columnar, ndjson

COLUMNS = workload.table(200, seed=61)
EVENTS, LABELS = workload.events(COLUMNS), workload.labels(COLUMNS)
JSON = {"Content-Type": "application/json"}
POST = b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\n"
LIMITS = """\
limits: {request_bytes: 1MiB, queue_events: 5000, connections: 60}
state: {directory: state, interval: 200ms}
"""


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("web")
    config = write_config(folder)
    config.write_text(config.read_text().split("state:")[0] + LIMITS)
    with running(config) as server:
        server.until("ml_exporter_ready", 1)
        yield server


def test_the_paths(sidecar: Running) -> None:
    for path in ("/-/healthy", "/-/ready", "/", "/metrics"):
        status, headers, body = sidecar.request("GET", path)
        assert status == 200
        assert body
        assert headers["x-content-type-options"] == "nosniff"
        assert "date" in headers
        head, head_headers, nothing = sidecar.request("HEAD", path)
        assert (head, nothing) == (200, b"")
        assert head_headers["content-type"] == headers["content-type"]


def test_the_landing_page_tells_state_and_links(sidecar: Running) -> None:
    page = sidecar.request("GET", "/")[2].decode()
    for part in ("ml-exporter", 'href="/metrics"', "State: <span", ">model</a></th>", "binary classification"):
        assert part in page


def test_the_metrics_in_both_formats_and_gzipped(sidecar: Running) -> None:
    _, headers, plain = sidecar.request("GET", "/metrics")
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "content-encoding" not in headers
    _, headers, packed = sidecar.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed).count(b"# TYPE") == plain.count(b"# TYPE")
    _, headers, body = sidecar.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text"})
    assert headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert body.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps(EVENTS).encode(), "application/json"),
        (json.dumps(EVENTS).encode(), "application/json; charset=utf-8"),
        (ndjson(EVENTS), "application/x-ndjson"),
        (columnar(EVENTS), "application/json"),
    ],
    ids=["array", "charset", "ndjson", "columnar"],
)
def test_events_are_queued_and_each_id_counts_once(sidecar: Running, body: bytes, kind: str) -> None:
    status, _, answer = sidecar.request("POST", "/v1/predictions", body, {"Content-Type": kind})
    assert (status, json.loads(answer)) == (202, {"status": "queued", "accepted": 200})
    sidecar.until('ml_predictions_total{model="model",version="1"}', 200)


def test_durable_means_on_disk(sidecar: Running) -> None:
    assert sidecar.post("/v1/predictions?ack=durable", EVENTS) == (200, {"status": "durable", "accepted": 200})
    assert sidecar.post("/v1/labels?ack=durable", LABELS) == (200, {"status": "durable", "accepted": 200})
    status, problem = sidecar.post("/v1/predictions?ack=perhaps", EVENTS)
    assert (status, problem["detail"]) == (400, 'ack: must be queued or durable, got "perhaps"')


def test_the_answer_says_which_events_failed_and_why(sidecar: Running) -> None:
    status, answer = sidecar.post("/v1/predictions", [{"id": "x", "model": "other"}, {"id": "y", "score": 7}])
    assert status == 202
    assert answer["accepted"] == 1
    assert answer["rejected"] == 1
    assert answer["errors"][0]["index"] == 0
    assert answer["warnings"][0]["detail"] == "score: Expected `float` <= 1.0"
    status, answer = sidecar.post("/v1/predictions", {"model": "other"})
    assert (status, answer["title"], answer["status"]) == (404, "Not Found", 404)
    status, answer = sidecar.post("/v1/labels", [{"id": "x", "label": "?"}])
    assert (status, answer["rejected"]) == (400, 1)


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "detail"),
    [
        ("GET", "/nowhere", None, {}, 404, "there is nothing at this path; see / and /metrics"),
        ("GET", "/v1/predictions", None, {}, 405, "this path takes POST"),
        ("POST", "/metrics", b"x", {}, 405, "this path takes GET, HEAD"),
        ("DELETE", "/-/reload", None, {}, 405, "this path takes POST, PUT"),
        ("POST", "/v1/predictions", b"!", JSON, 400, "JSON is malformed: invalid character (byte 0)"),
        ("POST", "/v1/predictions", b"", JSON, 400, "Input data was truncated"),
        ("POST", "/v1/predictions", b"[]", JSON, 400, "there is no event in the body"),
        (
            "POST",
            "/v1/predictions",
            b"\n\n",
            {"Content-Type": "application/x-ndjson"},
            400,
            "there is no event in the body",
        ),
        (
            "POST",
            "/v1/predictions",
            b"a=b",
            {"Content-Type": "application/x-www-form-urlencoded"},
            415,
            'Content-Type "application/x-www-form-urlencoded" is not understood; send one of application/json, '
            "application/x-ndjson, application/ndjson, application/jsonl, application/vnd.apache.arrow.stream, "
            "application/vnd.apache.parquet",
        ),
        (
            "POST",
            "/v1/predictions",
            b"{}",
            {**JSON, "Content-Encoding": "br"},
            415,
            'Content-Encoding "br" is not understood; use gzip, zstd or none',
        ),
        (
            "POST",
            "/v1/predictions",
            b"{}",
            {**JSON, "Content-Encoding": "gzip, gzip"},
            415,
            'Content-Encoding "gzip, gzip" is not understood; use gzip, zstd or none',
        ),
        ("POST", "/v1/predictions?model=other", b"{}", JSON, 404, 'no model "other"'),
        ("POST", "/v1/predictions", b"x" * 1_048_577, JSON, 413, "the body must not exceed 1048576 bytes"),
        ("POST", "/-/reload", b"x" * 70_000, {}, 413, "the body must not exceed 65536 bytes"),
    ],
)
def test_refusals_are_problem_documents(
    sidecar: Running, method: str, path: str, body: bytes | None, headers: dict[str, str], status: int, detail: str
) -> None:
    found, answer_headers, answer = sidecar.request(method, path, body, headers)
    document = json.loads(answer)
    assert (found, document["status"], document["detail"]) == (status, status, detail)
    assert answer_headers["content-type"] == "application/problem+json"


def test_gzip_is_read_with_or_without_its_header_in_several_members(sidecar: Running) -> None:
    lines = ndjson(EVENTS)
    packed = gzip.compress(lines[:1000]) + gzip.compress(lines[1000:])
    for headers in ({"Content-Encoding": "gzip"}, {}):
        kind = {"Content-Type": "application/x-ndjson", **headers}
        status, _, answer = sidecar.request("POST", "/v1/predictions", packed, kind)
        assert (status, json.loads(answer)["accepted"]) == (202, 200)


def test_a_decompression_bomb_is_stopped_at_the_limit(sidecar: Running) -> None:
    bomb = gzip.compress(b"\0" * (400 << 20), 9)
    assert len(bomb) < 1 << 20
    before = sidecar.metrics()["ml_exporter_resident_memory_bytes"]
    for _ in range(5):
        status, _, answer = sidecar.request("POST", "/v1/predictions", bomb, {**JSON, "Content-Encoding": "gzip"})
        assert (status, json.loads(answer)["detail"]) == (
            413,
            "the decompressed body must not exceed 1048576 bytes",
        )
    assert sidecar.metrics()["ml_exporter_resident_memory_bytes"] - before < 16 << 20


@pytest.mark.parametrize("body", [gzip.compress(b"{}")[:-4], b"\x1f\x8b" + b"x" * 50], ids=["cut", "broken"])
def test_broken_gzip_is_told(sidecar: Running, body: bytes) -> None:
    status, _, answer = sidecar.request("POST", "/v1/predictions", body, JSON)
    assert status == 400
    assert json.loads(answer)["detail"].startswith("not valid gzip")


def test_an_endless_chunked_body_is_cut_off(sidecar: Running) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with socket.create_connection(("127.0.0.1", sidecar.port), timeout=10) as sending:
        sending.sendall(b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent = 0
        try:
            for _ in range(1000):
                sending.sendall(chunk)
                sent += 65536
        except OSError:
            pass
        assert sent < 32 << 20


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        POST + b"Content-Length: -5\r\n\r\nhello",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_400_and_closed(sidecar: Running, request_bytes: bytes) -> None:
    answer = sidecar.raw(request_bytes, wait=3)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Connection: close" in answer
    assert answer.count(b"HTTP/1.1") == 1


def test_large_headers_are_refused(sidecar: Running) -> None:
    answer = sidecar.raw(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", wait=3)
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_pipelined_requests_are_answered_in_their_order(sidecar: Running) -> None:
    event = b'{"score":0.5}'
    body = b"Content-Type: application/json\r\nContent-Length: 13\r\n\r\n" + event
    requests = [
        POST.replace(b" HTTP", b"?ack=durable HTTP") + body,
        b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n",
        POST + body,
        b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
    ]
    answer = sidecar.raw(b"".join(requests), wait=5)
    statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"200", b"202", b"404"]


def test_many_pipelined_requests_are_all_answered(sidecar: Running) -> None:
    one = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n"
    last = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answer = sidecar.raw(one * 500 + last, wait=5)
    assert answer.count(b"HTTP/1.1 200 OK") == 501


def test_100_continue_is_answered_before_the_body(sidecar: Running) -> None:
    head = b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 13\r\n"
    with socket.create_connection(("127.0.0.1", sidecar.port), timeout=5) as client:
        client.sendall(head + b"Expect: 100-continue\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b'{"score":0.5}')
        assert client.recv(1000).startswith(b"HTTP/1.1 202 ")


def test_http_1_0_and_close_are_honoured(sidecar: Running) -> None:
    for request in (
        b"GET /-/healthy HTTP/1.0\r\n\r\n",
        b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ):
        began = time.monotonic()
        assert sidecar.raw(request, wait=5).startswith(b"HTTP/1.1 200 OK")
        assert time.monotonic() - began < 4


def test_slow_senders_are_closed_and_scrapes_go_on(sidecar: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers, a body or nothing at all, one byte at a time: each ends at its deadline."""
    monkeypatch.setattr(connection, "HEADER_SECONDS", 0.5)
    monkeypatch.setattr(connection, "BODY_SECONDS", 0.5)
    before = sidecar.metrics()['ml_exporter_http_refused_total{reason="timeout"}']
    starts = [
        b"",
        b"GET /metrics HT",
        b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{",
    ]
    slow = [socket.create_connection(("127.0.0.1", sidecar.port), timeout=10) for _ in range(30)]
    for number, client in enumerate(slow):
        client.sendall(starts[number % 3])
    assert sidecar.request("GET", "/metrics")[0] == 200
    for client in slow:
        with suppress(ConnectionResetError):
            assert client.recv(10) == b""
        client.close()
    after = sidecar.metrics()['ml_exporter_http_refused_total{reason="timeout"}']
    assert after - before == 30


def test_too_many_connections_are_refused_and_the_next_ones_served(sidecar: Running) -> None:
    clients = [socket.create_connection(("127.0.0.1", sidecar.port), timeout=5) for _ in range(80)]
    end = time.monotonic() + 5
    refused: list[socket.socket] = []
    while len(refused) < 20 and time.monotonic() < end:
        refused = select.select(clients, [], [], 0.1)[0]
    assert len(refused) >= 20
    assert all(client.recv(12) == b"HTTP/1.1 503" for client in refused)
    for client in clients:
        client.close()
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            if sidecar.request("GET", "/-/healthy")[0] == 200:
                break
        except OSError:
            time.sleep(0.05)
    assert sidecar.request("GET", "/-/healthy")[0] == 200


def test_a_hundred_scrapes_at_once_and_aborted_ones(sidecar: Running) -> None:
    for _ in range(30):
        client = socket.create_connection(("127.0.0.1", sidecar.port), timeout=5)
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        client.recv(1)
        client.close()
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(sidecar.request("GET", "/metrics")[0])) for _ in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 40


def test_a_full_queue_answers_429_and_takes_events_again_later(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    config.write_text(config.read_text().split("state:")[0] + "limits: {queue_events: 1000}")
    with running(config) as server:
        server.until("ml_exporter_ready", 1)
        release = threading.Event()
        entered = threading.Event()

        def stall() -> None:
            entered.set()
            release.wait(30)

        server.sidecar._queue.put([server.sidecar._engine.command(stall)])
        server.sidecar._queue.wake.set()
        assert entered.wait(10)
        accepted = 0
        while True:
            status, headers, body = server.request(
                "POST", "/v1/predictions", ndjson(EVENTS), {"Content-Type": "application/x-ndjson"}
            )
            if status != 202:
                break
            accepted += 200
        assert (status, headers["retry-after"], json.loads(body)["reason"]) == (429, "1", "queue_full")
        assert accepted == 1000
        # Counting stands, yet intake answers and scrapes go on, and they say what is the matter.
        metrics = server.metrics()
        assert metrics["ml_exporter_queue_events"] == 1000
        assert metrics['ml_exporter_events_lost_total{reason="queue_full"}'] == 200
        assert server.request("GET", "/-/healthy")[0] == 200
        release.set()
        server.until('ml_predictions_total{model="model",version="1"}', 200)
        assert server.post("/v1/predictions", EVENTS)[0] == 202
        status, problem = server.post("/v1/predictions", [{"score": 0.5}] * 1001)
        assert (status, problem["reason"]) == (413, "too_large")


def test_nothing_leaks_over_many_requests(sidecar: Running) -> None:
    def one_round() -> None:
        for number in range(50):
            sidecar.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
            sidecar.post("/v1/predictions", EVENTS[number])
            sidecar.request("POST", "/v1/predictions", b"nonsense", JSON)
            sidecar.raw(b"GET / HTTP/1.1\r\n", wait=0.01)

    one_round()
    before = sidecar.metrics()["ml_exporter_open_fds"]
    one_round()
    deadline = time.monotonic() + 15
    while sidecar.metrics()["ml_exporter_open_fds"] > before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert sidecar.metrics()["ml_exporter_open_fds"] <= before
