"""What a restart, a crash, a full disk or a reload leaves: every number that was shown, and nothing twice."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from ml_exporter.app.runtime import runtimes
from ml_exporter.config.load import load
from ml_exporter.core.errors import StateError
from ml_exporter.core.schema import Task
from ml_exporter.ingest.intake import Intake
from ml_exporter.state.directory import StateDirectory
from support import workload
from support.engine import START, Bench, totals, write_config

COLUMNS = workload.table(600, seed=51)
EVENTS, LABELS = workload.events(COLUMNS), workload.labels(COLUMNS)


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
    bench.end(clean=clean)
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
