"""The client against a real sidecar: what is reported arrives, what cannot is counted."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_exporter.client import Monitor
from ml_exporter.client.encoding import encode
from support import workload
from support.client import series
from support.engine import write_config
from support.http import Running, running

COLUMNS = workload.table(200, seed=81)
EVENTS, LABELS = workload.events(COLUMNS), workload.labels(COLUMNS)


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
