"""The pages of a real ``serve`` process: paths, headers, who may see them, and what is counted of them."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from pathlib import Path
from signal import SIGTERM

import pytest

from support import html, workload
from support.engine import write_config
from support.guarded import PASSWORD, USERS, basic, serve
from support.http import running
from support.processes import Process, sidecar


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("served")
    process = sidecar(write_config(folder, more="windows: [5m, 1h]", noise=True))
    try:
        columns = workload.table(500, 3, shift=0.5)
        assert process.post("/v1/predictions?ack=durable", workload.events(columns))[0] == 200
        assert process.post("/v1/labels?ack=durable", workload.labels(columns))[0] == 200
        process.until('ml_performance_samples{model="model",version="1",window="5m"}', 500)
        yield process
    finally:
        process.end(SIGTERM)


def test_the_links_lead_on(served: Process) -> None:
    waiting, seen = ["/"], set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        status, body = served.get(path)
        assert status == 200, path
        if body.startswith(b"<!DOCTYPE"):
            root = html.check(body)
            found = {each.get("href", "").partition("#")[0] for each in root.iter("a")} - {""}
            waiting += [each for each in found if each not in seen and each not in waiting]
    pages = {path for path in seen if path.startswith("/models/")}
    assert pages == {"/models/model?version=1"} | {
        f"/models/model?version=1&window={window}" for window in ("5m", "1h")
    }
    assert {"/report", "/report?model=model", "/metrics", "/-/ready"} < seen


def test_the_numbers_of_the_process_itself(served: Process) -> None:
    root = html.check(served.get("/")[1])
    assert html.fact(root, "Events accepted") == "500 predictions, 500 labels, 0 ratings or thumbs"
    assert html.fact(root, "Events waiting") == "0 of 50,000"
    assert html.fact(root, "State on disk").startswith("written ")
    assert html.fact(root, "Signals and readers that fail").startswith("none of ")
    served.post("/v1/predictions", [{"model": "nobody", "score": 0.5}])
    root = html.check(served.get("/")[1])
    assert html.row(root, "lost since the start", "unknown_model")[1] == "1"
    model = html.check(served.get("/models/model")[1])
    assert html.fact(model, "Labels").startswith("500 joined")
    assert len(list(model.iter(html.SVG))) == 10


def test_headers(served: Process) -> None:
    for path in ("/", "/models/model", "/models/nobody", "/report"):
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
        connection.request("HEAD", path)
        answer = connection.getresponse()
        assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
        assert answer.getheader("Cache-Control") == "no-store"
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.read() == b""
        connection.close()


def test_what_is_not_there(served: Process) -> None:
    asked = ("nobody", "model?version=7", "model?window=3h", "model?version=1&window=", "%3Cscript%3E", "a/b", "")
    for path in asked:
        status, body = served.get(f"/models/{path}")
        assert status == (200 if path.endswith("window=") else 404), path
        html.check(body)
    assert served.get("/report?model=nobody")[0] == 404
    assert served.request("POST", "/models/model", b"")[0] == 405
    paths = {re.search('path="([^"]*)"', line) for line in served.metrics() if "http_requests_total" in line}
    names = {found[1] for found in paths if found}
    assert {name for name in names if "model" in name} == {"/models/NAME"}


def test_users_only(tmp_path: Path) -> None:
    server = serve(tmp_path, USERS)
    alice = basic("alice", PASSWORD)
    try:
        end = time.monotonic() + 20
        while server.request("GET", "/-/ready", headers=alice)[0] != 200:
            assert time.monotonic() < end
            time.sleep(0.02)
        for path in ("/models/model", "/models/nobody", "/report"):
            assert server.request("GET", path)[0] == 401
            status = server.request("GET", path, headers=alice)[0]
            assert status == (404 if "nobody" in path else 200)
    finally:
        server.stop()


def test_a_path_of_metrics_among_the_models_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(Exception, match="/models/m is taken"),
        running(write_config(tmp_path), metrics_path="/models/m"),
    ):
        pass
