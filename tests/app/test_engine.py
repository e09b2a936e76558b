"""The writer: what is counted is counted once, whatever ends it, and one failing part costs only itself."""

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_exporter.app.evaluation import Evaluator
from ml_exporter.app.runtime import runtimes
from ml_exporter.config.load import load
from ml_exporter.core.errors import StateError
from ml_exporter.core.metrics import NoData, gauge, one
from ml_exporter.core.schema import Task
from ml_exporter.ingest.intake import Intake
from ml_exporter.ingest.protocols import NdJson
from ml_exporter.signals import SIGNALS
from ml_exporter.signals.signal import Samples, Signal, View
from ml_exporter.state.directory import StateDirectory
from support import workload
from support.engine import START, Bench, values, write_config
from support.intake import ndjson
from support.models import Model

COLUMNS = workload.table(600, seed=51)
EVENTS, LABELS = workload.events(COLUMNS), workload.labels(COLUMNS)


def totals(bench: Bench) -> dict[str, Any]:
    state = bench.models["model"].state
    assert state is not None
    version = state.versions["1"]
    return {
        "total": version.total.vector.tolist(),
        "windows": [ring.total.vector.tolist() for ring in version.rings],
        "ids": (state.join.ids, state.join.pending),
    }


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


@pytest.mark.parametrize("clean", [True, False])
def test_a_restart_goes_on_where_the_last_commit_was(tmp_path: Path, clean: bool) -> None:
    """Events after the last commit are gone with a SIGKILL; sent again, each counts once."""
    config = write_config(tmp_path)
    whole = Bench(config, state=False)
    bench = Bench(config)
    for each in (whole, bench):
        each.send(EVENTS[:300], LABELS[:200])
        each.tick()
        each.send(EVENTS[300:400], LABELS[200:350])
        each.tick()
    bench.send(EVENTS[400:], LABELS[350:])
    if clean:
        bench.engine._finish()
        bench.directory = None
    else:
        bench.vanish()
    again = Bench(config, bench.clock)
    whole.clock = again.clock
    again.send(EVENTS, LABELS)
    whole.send(EVENTS[400:], LABELS[350:])
    again.tick()
    whole.tick()
    assert totals(again)["total"] == totals(whole)["total"]
    assert totals(again)["ids"] == totals(whole)["ids"]
    assert again.value("ml_predictions_total", model="model", version="1") == 600
    assert again.value("ml_labels_total", model="model", result="joined") == 600


def test_a_crash_after_any_number_of_ticks_equals_a_run_without_one(tmp_path: Path) -> None:
    config = write_config(tmp_path, more="windows: [1m]")
    bench = Bench(config)
    whole = Bench(config, state=False)
    for step in range(30):
        part = slice(step * 20, step * 20 + 20)
        for each in (whole, bench):
            each.send(EVENTS[part], LABELS[max(step - 2, 0) * 20 : step * 20])
            each.tick(7)
        if step % 4 == 3:
            bench.send(EVENTS[step * 20 + 20 : step * 20 + 30])  # never committed
            bench.vanish()
            bench = Bench(config, bench.clock)
    assert totals(bench) == totals(whole)


def test_errors_that_add_up_slice_by_slice_go_on_after_a_crash(tmp_path: Path) -> None:
    """The order of the slices is kept: the errors begin in the third minute, and a crash comes in the fifth."""
    config = write_config(tmp_path, more="windows: [1h]")
    bench, whole = Bench(config), Bench(config, state=False)
    columns = workload.table(900, seed=12)
    columns["label"][300:] = 1 - columns["label"][300:]
    events, labels = workload.events(columns), workload.labels(columns)
    for part in range(0, 900, 150):
        if part == 600:
            bench.vanish()
            bench = Bench(config, bench.clock)
        for each in (bench, whole):
            each.send(events[part : part + 150], labels[part : part + 150])
            each.tick(120)
    scope = {"model": "model", "version": "1", "window": "1h"}
    for name in ("ml_performance_error_cusum", "ml_performance_error_cusum_start_timestamp_seconds"):
        assert bench.value(name, **scope) == whole.value(name, **scope)
    assert (bench.value("ml_performance_error_cusum", **scope) or 0.0) > 50
    began = (bench.value("ml_performance_error_cusum_start_timestamp_seconds", **scope) or 0.0) - START
    # The third part is counted at the end of its two minutes, in a slice of as many.
    assert began == 360


def test_counters_never_fall_over_a_crash(tmp_path: Path) -> None:
    """Numbers are published only once they are on disk, so a scraper never sees more than a restart gives."""
    config = write_config(tmp_path)
    bench = Bench(config)
    for step in range(10):
        bench.send(EVENTS[step * 60 : step * 60 + 60])
        seen = bench.value("ml_predictions_total", model="model", version="1")
        bench.vanish()
        bench = Bench(config, bench.clock)
        assert bench.value("ml_predictions_total", model="model", version="1") == seen
        bench.send(EVENTS[step * 60 : step * 60 + 60])
        bench.tick()
    assert bench.value("ml_predictions_total", model="model", version="1") == 600


def fail_on(monkeypatch: pytest.MonkeyPatch, number: int) -> dict[str, int]:
    """Make the ``number``-th write, sync or rename of the process fail."""
    import os

    calls = {"made": 0}

    def wrap(function: Any) -> Any:
        def wrapped(*arguments: Any, **more: Any) -> Any:
            calls["made"] += 1
            if calls["made"] == number:
                raise OSError(28, "No space left on device")
            return function(*arguments, **more)

        return wrapped

    for name in ("fdatasync", "fsync", "replace"):
        monkeypatch.setattr(os, name, wrap(getattr(os, name)))
    return calls


def test_whichever_write_fails_nothing_counts_twice_and_the_next_commit_heals(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    number = 1
    while True:
        config = write_config(tmp_path_factory.mktemp("fail"))
        with monkeypatch.context() as patch:
            calls = fail_on(patch, number)
            bench = Bench(config)
            for step in range(4):
                bench.send(EVENTS[step * 100 : step * 100 + 100], LABELS[step * 100 : step * 100 + 100])
                bench.tick()
            done = calls["made"] < number
        assert bench.value("ml_predictions_total", model="model", version="1") == 400
        bench.send(EVENTS[400:500])
        bench.tick()
        assert bench.engine.status.commit_ok
        assert (bench.engine.status.commit_failures > 0) is not done
        bench.vanish()
        again = Bench(config, bench.clock)
        again.send(EVENTS, LABELS)
        again.tick()
        assert again.value("ml_predictions_total", model="model", version="1") == 600
        assert again.value("ml_labels_total", model="model", result="joined") == 600
        again.vanish()
        if done:
            break
        number += 1
    assert number > 8


def test_a_crash_while_the_disk_is_full_resets_the_counters_and_keeps_the_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A counter that falls to a lower value would look like a huge increase; one that begins at 0 does not."""
    caplog.set_level(logging.CRITICAL)
    config = write_config(tmp_path)
    bench = Bench(config)
    bench.send(EVENTS[:200])
    bench.tick()

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fdatasync", full)
        patch.setattr("os.fsync", full)
        bench.send(EVENTS[200:300])
        bench.tick()
    assert not bench.engine.status.commit_ok
    assert bench.value("ml_predictions_total", model="model", version="1") == 300
    bench.vanish()
    again = Bench(config, bench.clock)
    assert again.engine.status.notes == ["the last run could not write its state: counters begin at 0"]
    assert again.value("ml_predictions_total", model="model", version="1") == 0
    assert again.value("ml_window_predictions", model="model", version="1", window="1h") == 200


def test_state_of_another_baseline_is_not_mixed_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = write_config(tmp_path)
    bench = Bench(config)
    bench.send(EVENTS)
    bench.tick()
    bench.vanish()
    write_config(tmp_path, Task.REGRESSION)
    again = Bench(config, bench.clock)
    assert again.value("ml_predictions_total", model="model", version="1") == 0
    assert 'model "model" has another baseline or other features: its state begins anew' in caplog.text


@pytest.mark.parametrize("damage", [b"", b"garbage", b"\0" * 5000])
def test_damaged_state_never_keeps_it_from_starting(tmp_path: Path, damage: bytes) -> None:
    config = write_config(tmp_path)
    bench = Bench(config)
    bench.send(EVENTS, LABELS)
    bench.tick()
    bench.vanish()
    for path in (tmp_path / "state").rglob("*.*"):
        if path.is_file():
            path.write_bytes(damage)
    again = Bench(config, bench.clock)
    assert again.engine.status.notes
    again.send(EVENTS)
    again.tick()
    assert again.value("ml_predictions_total", model="model", version="1") == 600
    assert list((tmp_path / "state").glob("*.unreadable"))


def test_missing_row_files_cost_that_model_its_waiting_ids_only(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    bench = Bench(config)
    bench.send(EVENTS)
    bench.tick()
    bench.vanish()
    for path in (tmp_path / "state" / "join").rglob("*.rows"):
        path.unlink()
    again = Bench(config, bench.clock)
    assert "the ids that waited for labels are lost" in again.engine.status.notes[0]
    assert again.value("ml_predictions_total", model="model", version="1") == 600
    assert again.value("ml_exporter_join_ids", model="model") in (0, None)
    again.send([{**event, "id": f"again-{event['id']}"} for event in EVENTS])
    again.tick()
    assert again.value("ml_predictions_total", model="model", version="1") == 1_200


def test_a_second_engine_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    bench = Bench(config)
    with pytest.raises(StateError, match="in use by process"):
        StateDirectory(tmp_path / "state")
    bench.vanish()
    Bench(config, bench.clock)


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


def test_memory_store_forgets_ids_at_a_restart(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    text = config.read_text().replace("    baseline:", "    labels: {store: memory}\n    baseline:")
    config.write_text(text)
    bench = Bench(config)
    bench.send(EVENTS, LABELS[:10])
    bench.tick()
    bench.vanish()
    again = Bench(config, bench.clock)
    assert totals(again)["ids"] == (0, 0)
    assert again.value("ml_predictions_total", model="model", version="1") == 600


def test_a_reload_that_changes_where_ids_wait_keeps_every_sum(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = write_config(tmp_path)
    bench = Bench(config)
    columns = workload.table(60, seed=5)
    for number, place in enumerate(("memory", "disk")):
        bench.send(workload.events(columns, prefix=f"{number}"), workload.labels(columns, prefix=f"{number}")[:30])
        bench.tick()
        text = f"    labels: {{store: {place}}}\n    baseline:"
        config.write_text(re.sub(r"(    labels: .*\n)?    baseline:", text, config.read_text()))
        models = runtimes(load(config))
        bench.engine.replace_models(models)
        bench.intake = Intake({name: model.intake for name, model in models.items()})
        assert "ids that wait for labels are forgotten: labels.store changed" in caplog.text
        caplog.clear()
        own = {"model": "model", "version": "1"}
        assert bench.value("ml_predictions_total", **own) == 60 * (number + 1)
        assert bench.value("ml_label_delay_seconds_count", **own) in (None, 30 * (number + 1))
    # What had waited is unknown, what comes now is joined.
    bench.send(workload.events(columns, prefix="new"), workload.labels(columns, prefix="new"))
    bench.tick()
    assert bench.value("ml_labels_total", model="model", result="joined") == 120
    bench.vanish()
    again = Bench(config, bench.clock)
    assert again.value("ml_labels_total", model="model", result="joined") == 120
