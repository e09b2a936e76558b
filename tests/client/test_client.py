"""The client against a real sidecar, and against one that is away, slow, full or wrong."""

import gc
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_exporter.client import Monitor
from ml_exporter.client.encoding import encode
from ml_exporter.client.sender import Signal
from support import workload
from support.engine import write_config
from support.http import Running, running

COLUMNS = workload.table(200, seed=81)
EVENTS, LABELS = workload.events(COLUMNS), workload.labels(COLUMNS)


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(write_config(tmp_path_factory.mktemp("client"), more="limits: {versions: 50}")) as server:
        server.until("ml_exporter_ready", 1)
        yield server


@pytest.fixture
def monitor(sidecar: Running, request: pytest.FixtureRequest) -> Iterator[Monitor]:
    version = request.node.name[:60]
    made = Monitor(f"http://127.0.0.1:{sidecar.port}", model="model", version=version, interval=0.05)
    yield made
    made.close()


def series(monitor: Monitor, name: str, more: str = "") -> str:
    return f'{name}{{model="model",version="{monitor._version}"{more}}}'


def test_three_lines_report_features_score_latency_and_label(sidecar: Running, monitor: Monitor) -> None:
    for event, label in zip(EVENTS, LABELS, strict=True):
        with monitor.prediction(event["features"], id=f"three-{event['id']}") as prediction:
            prediction.score = event["score"]
        monitor.label(prediction.id, label["label"])
    assert monitor.flush()
    sidecar.until(series(monitor, "ml_predictions_total"), 200)
    sidecar.until(series(monitor, "ml_label_delay_seconds_count"), 200)
    metrics = sidecar.metrics()
    assert metrics[series(monitor, "ml_prediction_latency_seconds_count")] == 200
    assert monitor.stats.sent == 400
    assert monitor.stats.dropped == 0


def test_an_exception_is_reported_and_goes_on(sidecar: Running, monitor: Monitor) -> None:
    with pytest.raises(KeyError), monitor.prediction({"normal": 1.0}):
        raise KeyError("the model failed")
    assert monitor.flush()
    sidecar.until(series(monitor, "ml_prediction_errors_total"), 1)


def test_a_decorated_function_reports_what_it_returns(sidecar: Running, monitor: Monitor) -> None:
    @monitor.measure("score")
    def score(features: dict[str, float]) -> float:
        """Score."""
        return 0.75

    assert score({"normal": 1.0}) == 0.75
    assert score.__doc__ == "Score."
    identifier = monitor.log({"normal": 2.0}, score=0.2, prediction=0, latency_seconds=0.01)
    assert identifier
    assert monitor.flush()
    sidecar.until(series(monitor, "ml_predictions_total"), 2)
    with pytest.raises(ValueError, match="output must be score, scores or prediction"):
        monitor.measure("result")


def test_attributions_go_beside_the_features(sidecar: Running, monitor: Monitor) -> None:
    with monitor.prediction({"normal": 1.0}, attributions={"normal": np.float32(-0.5)}) as prediction:
        prediction.score = 0.4
    monitor.log({"normal": 1.0}, attributions={"normal": 0.25}, score=0.5)
    assert monitor.flush()
    sidecar.until(series(monitor, "ml_feature_attribution_total", ',feature="normal"'), 0.75)


def test_what_people_say_goes_by_the_id(sidecar: Running, monitor: Monitor) -> None:
    ids = [monitor.log({"normal": 1.0}, score=0.5) for _ in range(3)]
    assert monitor.flush()
    sidecar.until(series(monitor, "ml_predictions_total"), 3)
    monitor.feedback(ids[0], rating=np.float64(4.0))
    monitor.feedback(ids[1], thumb=False)
    monitor.feedback(ids[2], thumb="up", timestamp=1.7e9)
    assert monitor.flush()
    sidecar.until(series(monitor, "ml_feedback_positive_total"), 2)
    metrics = sidecar.metrics()
    assert metrics[series(monitor, "ml_feedback_rating_total", ',rating="4"')] == 1
    assert metrics[series(monitor, "ml_feedback_thumbs_total", ',thumb="down"')] == 1
    assert monitor.stats.dropped == 0


def test_ids_make_a_second_try_safe(sidecar: Running, monitor: Monitor) -> None:
    for _ in range(3):
        monitor.log({"normal": 1.0}, id="the-same-id", score=0.5)
    monitor.log({"normal": 1.0}, score=0.5)
    monitor.log({"normal": 1.0}, score=0.5)
    assert monitor.flush()
    sidecar.until(series(monitor, "ml_predictions_total"), 3)


def test_numbers_of_other_libraries_are_written(sidecar: Running, monitor: Monitor) -> None:
    features = {
        "normal": np.float32(1.5),
        "tied": np.int64(3),
        "flag": np.bool_(True),
        "few": np.str_("a"),
        "tailed": float("nan"),
    }
    monitor.log(features, score=np.float64(0.5))
    assert monitor.flush()
    sidecar.until(series(monitor, "ml_predictions_total"), 1)
    assert monitor.stats.dropped == 0
    metrics = sidecar.metrics()
    assert metrics[series(monitor, "ml_feature_missing_total", ',feature="tailed"')] == 1
    assert metrics[series(monitor, "ml_feature_type_error_total", ',feature="normal"')] == 0


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"a": float("nan"), "b": [1, float("inf")]}, b'{"a":null,"b":[1,null]}'),
        ({"a": np.float32(np.nan)}, b'{"a":null}'),
        ({"a": np.array([1.0, np.nan])}, b'{"a":[1.0,null]}'),
        ({"a": None, "b": True, "c": "x"}, b'{"a":null,"b":true,"c":"x"}'),
    ],
)
def test_encoding(event: dict[str, Any], line: bytes) -> None:
    assert encode(event) == line


def test_what_cannot_be_written_is_dropped_and_counted(sidecar: Running, monitor: Monitor) -> None:
    circular: dict[str, Any] = {}
    circular["self"] = circular
    monitor.log({"normal": object()}, score=0.5)
    monitor.log(circular, score=0.5)
    monitor.log({"normal": 1.0}, score=0.5)
    assert monitor.flush()
    assert (monitor.stats.dropped_unencodable, monitor.stats.sent) == (2, 1)


def test_what_is_refused_is_dropped_and_counted(sidecar: Running) -> None:
    stranger = Monitor(f"http://127.0.0.1:{sidecar.port}", model="stranger", interval=0.05)
    for number in range(10):
        stranger.log({"normal": 1.0}, score=0.5, id=number)
    assert stranger.flush()
    assert (stranger.stats.dropped_rejected, stranger.stats.sent) == (10, 0)
    labels = Monitor(f"http://127.0.0.1:{sidecar.port}", model="model", interval=0.05)
    labels.label("a", 1)
    labels.label("b", "never heard of")
    assert labels.flush()
    assert (labels.stats.dropped_rejected, labels.stats.sent) == (1, 1)
    stranger.close()
    labels.close()


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


def test_a_monitor_that_nobody_keeps_still_sends_and_ends_its_thread(sidecar: Running, monitor: Monitor) -> None:
    before = threading.active_count()
    lost = Monitor(f"http://127.0.0.1:{sidecar.port}", model="model", version=monitor._version, interval=60)
    lost.log({"normal": 1.0}, score=0.5)
    del lost
    gc.collect()
    sidecar.until(series(monitor, "ml_predictions_total"), 1)
    end = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_a_signal_may_be_set_within_its_own_wait_and_clear() -> None:
    """As the finalizer of a monitor does when the garbage collector runs there, or after a fork."""
    signal, calls = Signal(), 0

    def reenter(frame: Any, event: str, argument: object) -> None:
        nonlocal calls
        if frame.f_code is not reenter.__code__:
            calls += 1
            signal.set()

    def use() -> None:
        sys.setprofile(reenter)
        for _ in range(3):
            signal.wait(0.01)
            signal.clear()
        sys.setprofile(None)

    thread = threading.Thread(target=use, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert calls


ORPHAN = """
import atexit, sys

def late():
    kept.log({"normal": 1.0})
    assert (kept.stats.dropped_full, kept.stats.queued) == (1, 0), kept.stats
    print("late")

atexit.register(late)  # before the client registers its own, hence called after it
from ml_exporter.client import Monitor
kept = Monitor(sys.argv[1], model="model", version=sys.argv[2], interval=30)
kept.log({"normal": 1.0}, score=0.5)

def report():
    gone = Monitor(sys.argv[1], model="model", version=sys.argv[2], interval=30)
    for number in range(99):
        gone.log({"normal": 1.0}, score=0.5)

report()
"""


def test_at_the_exit_monitors_that_are_gone_are_sent_too_and_what_comes_later_is_counted(sidecar: Running) -> None:
    command = [sys.executable, "-c", ORPHAN, f"http://127.0.0.1:{sidecar.port}", "orphan"]
    ended = subprocess.run(command, check=True, timeout=30, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("late\n", "")
    sidecar.until('ml_predictions_total{model="model",version="orphan"}', 100)


CHILD = """
import os, sys
from ml_exporter.client import Monitor
monitor = Monitor(sys.argv[1], model="model", version=sys.argv[2], interval=30)
for number in range(100):
    monitor.log({"normal": 1.0}, score=0.5)
if sys.argv[3] == "fork":
    monitor.flush()
    pids = []
    for child in range(3):
        pid = os.fork()
        if pid == 0:
            for number in range(50):
                monitor.log({"normal": 1.0}, score=0.5)
            assert monitor.stats.sent == 0
            sys.exit(0 if monitor.flush() and monitor.stats.sent == 50 else 1)
        pids.append(pid)
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
"""


def test_what_is_buffered_at_the_exit_still_arrives(sidecar: Running) -> None:
    url = f"http://127.0.0.1:{sidecar.port}"
    subprocess.run([sys.executable, "-c", CHILD, url, "at-exit", "exit"], check=True, timeout=30)
    sidecar.until('ml_predictions_total{model="model",version="at-exit"}', 100)


def test_forked_workers_report_their_own_events_once(sidecar: Running) -> None:
    url = f"http://127.0.0.1:{sidecar.port}"
    subprocess.run([sys.executable, "-W", "ignore", "-c", CHILD, url, "forked", "fork"], check=True, timeout=30)
    sidecar.until('ml_predictions_total{model="model",version="forked"}', 250)


def test_threads_share_a_monitor(sidecar: Running, monitor: Monitor) -> None:
    def work() -> None:
        for _ in range(200):
            with monitor.prediction({"normal": 1.0}) as prediction:
                prediction.score = 0.5

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert monitor.flush(10)
    sidecar.until(series(monitor, "ml_predictions_total"), 1_600)


@pytest.mark.parametrize("url", ["127.0.0.1:19100", "ftp://host", "http://"])
def test_a_url_that_is_none_is_told_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="url must be like"):
        Monitor(url, model="model")


def test_a_password_is_sent(tmp_path: Path) -> None:
    import bcrypt

    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{model: {hashed}}}\n")
    with running(write_config(tmp_path), web_config_file=tmp_path / "web.yml") as server:
        url = f"http://127.0.0.1:{server.port}"
        right = Monitor(url, model="model", interval=0.05, user="model", password="secret")
        wrong = Monitor(url, model="model", interval=0.05)
        for each in (right, wrong):
            each.log({"normal": 1.0}, score=0.5)
            assert each.flush()
        assert (right.stats.sent, wrong.stats.dropped_rejected) == (1, 1)
        right.close()
        wrong.close()
