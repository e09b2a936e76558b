"""The writer: what is counted is counted once, whatever ends it, and one failing part costs only itself."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_exporter.app.evaluation import Evaluator
from ml_exporter.core.metrics import NoData, gauge, one
from ml_exporter.core.schema import Task
from ml_exporter.ingest.protocols import NdJson
from ml_exporter.signals import SIGNALS
from ml_exporter.signals.signal import Samples, Signal, View
from ml_exporter.state.directory import StateDirectory
from support import workload
from support.engine import Bench, totals, values, write_config
from support.intake import ndjson
from support.models import Model

COLUMNS = workload.table(600, seed=51)
EVENTS, LABELS = workload.events(COLUMNS), workload.labels(COLUMNS)


def test_events_and_labels_show_after_a_tick(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path))
    bench.send(EVENTS, LABELS[:500])
    assert bench.value("ml_predictions_total", model="model", version="1") == 0
    bench.tick()
    assert bench.value("ml_predictions_total", model="model", version="1") == 600
    assert bench.value("ml_labels_total", model="model", result="joined") == 500
    assert bench.value("ml_label_coverage_ratio", model="model", version="1", window="5m") == pytest.approx(
        500 / 600
    )
    expected = Model()
    sums = expected.tallies.zero()
    expected.tallies.add_outcomes(expected.outcomes(workload.take(COLUMNS, slice(0, 500))), sums)
    accuracy = np.trace(sums["confusion"]) / 500
    assert bench.value("ml_performance_accuracy", model="model", version="1", window="1h") == accuracy


def test_the_same_event_counts_once_however_often_it_comes(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path))
    bench.send(EVENTS + EVENTS[:100])
    bench.send(list(reversed(EVENTS)), LABELS + LABELS)
    bench.tick()
    once = totals(bench)
    bench.send(EVENTS, LABELS)
    bench.tick()
    assert totals(bench) == once
    assert bench.value("ml_predictions_total", model="model", version="1") == 600
    assert bench.value("ml_predictions_duplicate_total", model="model") == 1300
    assert bench.value("ml_labels_total", model="model", result="duplicate") == 1200


def test_labels_before_their_predictions_are_joined(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path))
    bench.send(labels=LABELS)
    bench.tick()
    bench.send(EVENTS[:400])
    bench.tick()
    found = {
        result: bench.value("ml_labels_total", model="model", result=result) for result in ("early", "joined")
    }
    assert found == {"early": 600, "joined": 400}
    bench.tick(700)
    assert bench.value("ml_labels_total", model="model", result="unmatched") == 200


def test_windows_slide_and_forget(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path, more="windows: [1m, 10m]"))
    bench.send(EVENTS[:300])
    bench.tick()
    bench.clock.advance(120)
    bench.send(EVENTS[300:])
    bench.tick()
    assert bench.value("ml_window_predictions", model="model", version="1", window="1m") == 300
    assert bench.value("ml_window_predictions", model="model", version="1", window="10m") == 600
    bench.tick(300)
    assert bench.value("ml_window_predictions", model="model", version="1", window="1m") == 0
    assert (
        bench.value("ml_feature_missing_ratio", model="model", version="1", window="1m", feature="normal") is None
    )
    reason = {"model": "model", "version": "1", "window": "1m", "feature": "", "reason": "no_events"}
    assert bench.value("ml_signal_no_data", signal="feature_drift_psi", **reason) == 1
    assert bench.value("ml_predictions_total", model="model", version="1") == 600


def test_versions_have_their_own_series_and_vanish_with_their_events(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path, more="windows: [1m]\nlimits: {versions: 2}"))
    for number, version in enumerate(["2", "3", "4"]):
        events = [{**event, "version": version} for event in EVENTS[number * 100 : number * 100 + 100]]
        bench.send(events, LABELS[number * 100 : number * 100 + 100])
    bench.tick()
    counts = {v: bench.value("ml_predictions_total", model="model", version=v) for v in ("1", "2", "3", "other")}
    assert counts == {"1": 0, "2": 100, "3": None, "other": 200}
    assert bench.value("ml_performance_samples", model="model", version="other", window="1m") == 200
    bench.tick(30)
    bench.tick(31)
    assert bench.value("ml_predictions_total", model="model", version="2") is None
    assert bench.value("ml_predictions_total", model="model", version="1") == 0


class Failing(Signal):
    key = "failing"
    metrics = (gauge("ml_failing", "Fails.", "model", "version", "window"),)
    fails = True

    def over_window(self, view: View) -> Samples:
        yield one(self.metrics[0], 1.0, *view.scope)
        if self.fails:
            raise ZeroDivisionError("no")
        yield NoData(view.scope, "other", "no_events")


def test_a_failing_signal_loses_only_its_own_series_and_says_so(tmp_path: Path) -> None:
    signal = Failing()
    bench = Bench(write_config(tmp_path), evaluator=Evaluator([*SIGNALS, signal]))
    reference = Bench(write_config(tmp_path), state=False)
    for each in (bench, reference):
        each.send(EVENTS, LABELS)
        each.tick()
    own = {
        "ml_failing",
        "ml_signal_no_data",
        "ml_exporter_collector_success",
        "ml_exporter_collector_duration_seconds",
    }
    kept = {key: value for key, value in values(bench.published).items() if key[0] not in own}
    assert kept == {key: value for key, value in values(reference.published).items() if key[0] not in own}
    assert bench.value("ml_failing", model="model", version="1", window="5m") is None
    assert bench.value("ml_exporter_collector_success", collector="failing") == 0
    assert bench.value("ml_exporter_collector_success", collector="psi") == 1
    reason = {"model": "model", "version": "1", "window": "5m", "feature": "", "reason": "failed"}
    assert bench.value("ml_signal_no_data", signal="failing", **reason) == 1
    signal.fails = False
    bench.tick()
    assert bench.value("ml_failing", model="model", version="1", window="5m") == 1
    assert bench.value("ml_exporter_collector_success", collector="failing") == 1


def test_events_that_cannot_be_counted_cost_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(write_config(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr("ml_exporter.app.engine.from_events", lambda *given: 1 / 0)
        bench.send(EVENTS[:10])
    assert bench.engine.status.uncounted == 10
    assert bench.queue.events == 0
    bench.send(EVENTS[10:20])
    bench.tick()
    assert bench.value("ml_predictions_total", model="model", version="1") == 10


def test_a_counter_that_would_overflow_begins_anew(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path))
    state = bench.models["model"].state
    assert state is not None
    state.versions["1"].total["traffic"][0] = (1 << 62) - 5
    bench.send(EVENTS[:10])
    bench.tick()
    assert bench.value("ml_predictions_total", model="model", version="1") == 10
    assert bench.value("ml_window_predictions", model="model", version="1", window="5m") == 10


def versioned(name: str, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**event, "version": name} for event in events]


def test_a_version_that_was_dropped_does_not_come_back_by_a_crash(tmp_path: Path) -> None:
    config = write_config(tmp_path, more="windows: [10s]")
    bench = Bench(config)
    bench.send(versioned("b", EVENTS[:100]))
    bench.tick()
    bench.tick(20)
    assert bench.value("ml_predictions_total", model="model", version="b") is None
    bench.send(versioned("b", EVENTS[100:101]))
    bench.tick()
    assert bench.value("ml_predictions_total", model="model", version="b") == 1
    bench.vanish()
    again = Bench(config, bench.clock)
    assert again.value("ml_predictions_total", model="model", version="b") == 1


def test_labels_of_dropped_versions_do_not_break_the_cap(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path, more="windows: [10s]\nlimits: {versions: 2}"))
    for number in range(10):
        bench.send(versioned(f"v{number}", EVENTS[number * 10 : number * 10 + 10]))
        bench.tick(20)
    bench.send([], LABELS[:100])
    bench.tick()
    state = bench.models["model"].state
    assert state is not None
    assert len(state.versions) <= 3
    assert "other" in state.versions


def test_windows_slide_on_after_the_clock_was_set_back(tmp_path: Path) -> None:
    config = write_config(tmp_path, more="windows: [5m]")
    bench = Bench(config)
    bench.send(EVENTS[:100])
    bench.tick()
    bench.vanish()
    bench.clock.advance(-10 * 86400)
    again = Bench(config, bench.clock)
    assert again.value("ml_window_predictions", model="model", version="1", window="5m") == 100
    start = again.value("ml_window_start_timestamp_seconds", model="model", version="1", window="5m")
    assert start is not None
    assert start <= bench.clock.wall()
    again.send(EVENTS[100:110])
    again.tick(301)
    assert again.value("ml_window_predictions", model="model", version="1", window="5m") == 10


def test_a_durable_answer_is_no_when_the_disk_fails_or_the_events_are_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    bench = Bench(write_config(tmp_path))
    told: list[bool] = []

    def put(events: list[dict[str, Any]]) -> None:
        batches, _ = bench.intake.predictions(ndjson(events), NdJson(), None)
        batches[-1].done = told.append
        bench.queue.put(batches)
        bench.engine.count()

    put(EVENTS[:10])
    bench.tick()
    assert told == [True]
    with monkeypatch.context() as patch:
        patch.setattr(StateDirectory, "append", lambda self, record: (_ for _ in ()).throw(OSError("full")))
        patch.setattr(StateDirectory, "snapshot", lambda *given, **more: (_ for _ in ()).throw(OSError("full")))
        put(EVENTS[10:20])
        bench.tick()
    assert told == [True, False]
    with monkeypatch.context() as patch:
        patch.setattr(type(bench.engine), "_count_predictions", lambda *given: 1 / 0)
        put(EVENTS[20:30])
    assert told == [True, False, False]


def test_scores_of_classes_stay_in_their_tenth_on_the_way_to_their_label(tmp_path: Path) -> None:
    bench = Bench(write_config(tmp_path, Task.MULTICLASS))
    names = bench.models["model"].setup.schema.classes
    rest = [0.0] * (len(names) - 2)
    events = []
    for number in range(200):
        top = 0.7 if number % 2 else 0.65
        scores = dict(zip(names, [top, 1 - top, *rest], strict=True))
        events.append({"id": f"e{number}", "scores": scores})
    right = [number % 2 == 1 or number % 20 in (0, 2, 4) for number in range(200)]
    labels = [{"id": f"e{number}", "label": names[0 if good else 1]} for number, good in enumerate(right)]
    bench.send(events, labels)
    bench.tick()
    error = bench.value("ml_performance_expected_calibration_error", model="model", version="1", window="5m")
    expected = (0.3 * 100 + abs(0.65 - np.mean(right[::2])) * 100) / 200
    assert error == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("task", list(Task))
def test_every_task_goes_all_the_way(tmp_path: Path, task: Task) -> None:
    columns = workload.table(400, seed=52, task=task)
    bench = Bench(write_config(tmp_path, task))
    bench.send(workload.events(columns), workload.labels(columns))
    bench.tick()
    name = "rmse" if task is Task.REGRESSION else "accuracy"
    assert bench.value(f"ml_performance_{name}", model="model", version="1", window="5m") is not None
    bench.vanish()
    again = Bench(tmp_path / "ml-exporter.yml", bench.clock)
    assert totals(again) == totals(bench)
