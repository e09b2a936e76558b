"""Bodies that are expensive to read cost their sender time, not the others."""

import gzip
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_exporter.ingest.intake import Intake
from support.engine import write_config
from support.http import Running, running

JSON = {"Content-Type": "application/json"}
LIMITS = "limits: {request_bytes: 16MiB, queue_events: 1000}\n"


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    config = write_config(tmp_path_factory.mktemp("bodies"))
    config.write_text(config.read_text() + LIMITS)
    with running(config) as server:
        yield server


def post(sidecar: Running, body: bytes, **headers: str) -> tuple[int, dict[str, object]]:
    status, _, answer = sidecar.request("POST", "/v1/predictions", body, {**JSON, **headers})
    return status, json.loads(answer)


def test_more_objects_than_the_queue_takes_are_refused_before_they_are_read(
    sidecar: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []
    for name in ("typed_predictions", "tolerant_predictions"):
        monkeypatch.setattr(Intake, name, lambda self, body, *more: read.append(body))
    body = gzip.compress(b'[{"a":1}' + b",{}" * 1_000_000 + b"]")
    assert len(body) < 5_000
    status, answer = post(sidecar, body, **{"Content-Encoding": "gzip"})
    assert (status, answer["reason"]) == (413, "too_large")
    assert not read


def test_a_slow_reading_does_not_hold_up_the_others(sidecar: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    tolerant = Intake.tolerant_predictions

    def slow(*given: object) -> object:
        begun.set()
        assert go_on.wait(20)
        return tolerant(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(Intake, "tolerant_predictions", slow)
    events = [{"score": 0.5, "unheard_of": "x" * 100} for _ in range(200)]
    answers: list[tuple[int, dict[str, object]]] = []
    thread = threading.Thread(target=lambda: answers.append(post(sidecar, json.dumps(events).encode())))
    thread.start()
    assert begun.wait(20)
    began = time.monotonic()
    assert sidecar.request("GET", "/-/healthy")[0] == 200
    assert post(sidecar, b'{"score": 0.5}') == (202, {"status": "queued", "accepted": 1})
    assert time.monotonic() - began < 5
    assert not answers
    go_on.set()
    thread.join(20)
    status, answer = answers[0]
    assert (status, answer["accepted"]) == (202, 200)


def test_gzip_of_very_many_members_is_refused(sidecar: Running) -> None:
    status, answer = post(sidecar, gzip.compress(b"") * 101, **{"Content-Encoding": "gzip"})
    assert (status, answer["reason"]) == (400, "malformed")


def test_events_that_come_again_after_429_are_noted_once(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    config.write_text(config.read_text() + LIMITS)
    body = json.dumps([{"score": 0.5, "nope": 1}] * 600).encode()
    with running(config) as server:
        server.until("ml_exporter_ready", 1)
        stop = threading.Event()
        server.sidecar._queue.put([server.sidecar._engine.command(lambda: stop.wait(20) or None)])
        server.sidecar._queue.wake.set()
        assert post(server, body)[0] == 202
        for _ in range(3):
            assert post(server, body)[0] == 429
        stop.set()
        name = 'ml_exporter_event_warnings_total{model="model",reason="unknown_field"}'
        server.until(name, 600)
        server.until("ml_exporter_queue_events", 0)
        assert post(server, body)[0] == 202
        server.until(name, 1_200)
