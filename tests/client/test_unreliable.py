"""The client against a sidecar that is away, slow, full or wrong, and against values that are."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from ml_exporter.client import Monitor
from support.client import series
from support.http import Running


def test_nothing_blocks_while_the_sidecar_is_away_and_memory_is_bounded() -> None:
    away = Monitor("http://127.0.0.1:9", model="model", capacity=1_000, exit_timeout=0.2)
    longest = 0.0
    for number in range(5_000):
        began = time.perf_counter()
        with away.prediction({"normal": 1.0}, id=number) as prediction:
            prediction.score = 0.5
        longest = max(longest, time.perf_counter() - began)
    assert longest < 0.5
    stats = away.stats
    assert stats.queued <= 1_500
    assert stats.queued + stats.dropped_full == 5_000
    began = time.perf_counter()
    away.close()
    assert time.perf_counter() - began < 5
    assert away.stats.dropped == 5_000
    away.log({"normal": 1.0})
    assert away.stats.dropped == 5_001


class Moody(BaseHTTPRequestHandler):
    """Answers with the statuses it is told, then 202."""

    moods: list[int]
    bodies: list[bytes]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.moods.pop(0) if self.moods else 202
        if status == 0:
            self.close_connection = True
            self.connection.close()
            return
        if status == 202:
            self.bodies.append(body)
        self.send_response(status)
        if status in (429, 503):
            self.send_header("Retry-After", "0")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *given: object) -> None:
        pass


@pytest.mark.parametrize("moods", [[429, 429], [500, 503], [503] * 7, [0, 429, 0]], ids=str)
def test_a_batch_is_tried_again_until_it_is_taken(moods: list[int]) -> None:
    Moody.moods, Moody.bodies = list(moods), []
    with ThreadingHTTPServer(("127.0.0.1", 0), Moody) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        made = Monitor(f"http://127.0.0.1:{server.server_port}", model="model", interval=0.02, timeout=2.0)
        for number in range(20):
            made.log({"normal": 1.0}, id=number, score=0.5)
        assert made.flush(10)
        assert made.stats.sent == 20
        made.close()
        server.shutdown()
        thread.join()
    ids = [json.loads(line)["id"] for body in Moody.bodies for line in body.split(b"\n")]
    assert ids == [str(number) for number in range(20)]


def test_events_that_the_exporter_cannot_digest_do_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml_exporter.client.sender.FAILURES", 2)
    Moody.moods, Moody.bodies = [500, 500], []
    with ThreadingHTTPServer(("127.0.0.1", 0), Moody) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        made = Monitor(f"http://127.0.0.1:{server.server_port}", model="model", interval=0.02)
        made.log({"normal": 1.0}, id="bad")
        assert made.flush(10)
        made.log({"normal": 1.0}, id="good")
        assert made.flush(10)
        assert (made.stats.dropped_rejected, made.stats.sent) == (1, 1)
        made.close()
        server.shutdown()
        thread.join()
    assert [json.loads(body)["id"] for body in Moody.bodies] == ["good"]


class Nasty:
    """A value whose every conversion fails."""

    def tolist(self) -> None:
        raise RuntimeError("no list")

    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_nothing_that_is_reported_raises_in_the_request_path(sidecar: Running, monitor: Monitor) -> None:
    nasty: Any = Nasty()

    def fail() -> None:
        with monitor.prediction([1.0, 2.0]) as prediction:  # type: ignore[arg-type]
            prediction.scores = [0.1, 0.9]  # type: ignore[assignment]
            raise KeyError("the model's own")

    with pytest.raises(KeyError, match="the model's own"):
        fail()
    monitor.log("text", scores=3, id=nasty)  # type: ignore[arg-type]
    monitor.log(np.array([1.0, 2.0]), score=nasty)  # type: ignore[arg-type]
    monitor.label(nasty, nasty)
    monitor.measure("score")(lambda features: nasty)({"normal": 1.0})
    monitor.log({"normal": 1.0}, score=0.5)
    assert monitor.flush()
    assert (monitor.stats.dropped_unencodable, monitor.stats.sent) == (5, 1)
    sidecar.until(series(monitor, "ml_predictions_total"), 1)


class Proxy:
    """Stands for nothing yet, as the proxies of web frameworks do outside of a request."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError("no object")


def test_features_and_scores_that_are_no_mapping_are_counted_and_never_guessed_at(
    sidecar: Running, monitor: Monitor, caplog: pytest.LogCaptureFixture
) -> None:
    wrong: list[Any] = [[0.1, 0.9], ["ab", "cd"], [("normal", 1.0)], "text", 3, object(), Proxy()]
    for each in wrong:
        monitor.log(each, score=0.5)
        monitor.log({"normal": 1.0}, scores=each)
    predict = monitor.measure("score")(lambda features: 0.5)
    assert predict(wrong[-1]) == 0.5
    assert monitor.prediction(id=Nasty()).id == ""  # type: ignore[arg-type]
    monitor.log({"normal": 1.0}, score=0.5)
    assert monitor.flush()
    assert (monitor.stats.dropped_unencodable, monitor.stats.sent) == (15, 1)
    assert "features must be a mapping, got list" in caplog.text


def test_what_is_reported_is_copied_at_once(sidecar: Running, monitor: Monitor) -> None:
    features, scores = {"normal": 1.0}, {"a": 0.5}
    with monitor.prediction(features) as prediction:
        prediction.scores = scores
        features["normal"] = object()  # type: ignore[assignment]
    scores["a"] = object()  # type: ignore[assignment]
    assert monitor.flush()
    assert (monitor.stats.dropped_unencodable, monitor.stats.sent) == (0, 1)


class Mute(Exception):  # noqa: N818
    """Raises when it is to say what went wrong."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Worst:
    def tolist(self) -> None:
        raise Mute


def test_an_error_that_cannot_be_told_costs_its_event_only(sidecar: Running, monitor: Monitor) -> None:
    for value in (1.0, Worst(), 2.0):
        monitor.log({"normal": value}, score=0.5)
    assert monitor.flush()
    assert (monitor.stats.dropped_unencodable, monitor.stats.sent) == (1, 2)


def test_the_thread_survives_whatever_goes_wrong(sidecar: Running, monitor: Monitor) -> None:
    post, raised = monitor._endpoint.post, [Mute(), RuntimeError("unexpected")]

    def broken(path: str, body: bytes, timeout: float) -> tuple[int, str, bytes]:
        if raised:
            raise raised.pop()
        return post(path, body, timeout)

    monitor._endpoint.post = broken  # type: ignore[method-assign]
    for _ in range(3):
        monitor.log({"normal": 1.0}, score=0.5)
        assert monitor.flush(10)
    assert (monitor.stats.dropped_rejected, monitor.stats.sent) == (2, 1)
