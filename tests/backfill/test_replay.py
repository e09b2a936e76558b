"""A history shows what the live engine showed, event by event, whatever file the events come from."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_exporter.app.runtime import runtimes
from ml_exporter.backfill.ahead import Source, steps_of
from ml_exporter.backfill.events import Notes
from ml_exporter.backfill.parts import Writer
from ml_exporter.backfill.replay import Replay
from ml_exporter.config.load import load
from ml_exporter.core.clock import ManualClock
from ml_exporter.core.schema import Task
from support import workload
from support.engine import Bench, values, write_config
from support.versions import configured, events_of, moved

ROWS = 700
STEP = 1_200
BEGIN = 1_384_992_000.0
MORE = "windows: [1h, 6h]\n"

WITHIN_AN_INTERVAL = (
    "ml_window_start_timestamp_seconds",
    "ml_prediction_last_timestamp_seconds",
    "ml_label_last_timestamp_seconds",
    "ml_performance_error_cusum_start_timestamp_seconds",
)

Key = tuple[Any, ...]


def recorded(task: Task) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return predictions of eight hours and their labels, some late, some of nobody, some ids twice."""
    rng = np.random.default_rng(4)
    columns = workload.table(ROWS, seed=41, task=task, shift=0.4)
    times = BEGIN + np.sort(rng.uniform(0, 29_000, ROWS)).round(3)
    items = workload.events(columns)
    if task is Task.BINARY:
        items = workload.attributed(items, columns)
    events = [event | {"timestamp": float(time)} for event, time in zip(items, times, strict=True)]
    events[21]["id"] = events[11]["id"]
    delays = rng.exponential(4_000, ROWS).round(3)
    labels = [
        label | {"timestamp": float(time + delay)}
        for label, time, delay in zip(workload.labels(columns), times, delays, strict=True)
        if rng.random() < 0.8
    ]
    return events, labels


def live(config: Path, events: list[dict[str, Any]], labels: list[dict[str, Any]]) -> Iterator[dict[Key, float]]:
    """Yield what an engine publishes at every moment, to which each event is sent at its own time."""
    bench = Bench(config, ManualClock(BEGIN), state=False)
    arriving = sorted(
        [(item["timestamp"], "label" in item, item) for item in (*events, *labels)], key=lambda x: x[:2]
    )
    time = BEGIN + STEP
    for arrival, is_label, item in arriving:
        while arrival >= time:
            bench.clock.now = time
            bench.engine.tick()
            yield values(bench.published)
            time += STEP
        bench.clock.now = arrival
        bench.send(labels=[item]) if is_label else bench.send(events=[item])
        bench.engine._commit()
    bench.clock.now = time
    bench.engine.tick()
    yield values(bench.published)


def history(
    config: Path, folder: Path, *files: Path, columns: dict[str, str] | None = None
) -> dict[int, dict[Key, float]]:
    """Return the samples of the history of some files, by moment."""
    writer = Writer.of(config, "model", ())
    notes = Notes()
    source = Source(files, config, "model", columns or {}, STEP)
    counting = Replay(runtimes(load(config))["model"])
    snapshots = [snapshot for steps in steps_of(source, notes) for snapshot in counting.snapshots(steps)]
    part = folder / "part.om"
    assert writer.write(snapshots, part) > 0
    assert notes.lines() == []
    found: dict[int, dict[Key, float]] = {snapshot.time: {} for snapshot in snapshots}
    # Histograms are left to promtool, as the page of the live engine has none here.
    text = re.sub(r"# HELP (\S+) .*\n# TYPE \1 histogram\n(\1_.*\n)+", "", part.read_text())
    for line in text.splitlines():
        if not line.startswith("#"):
            series, value, time = line.rsplit(" ", 2)
            key = key_of(series)
            assert key not in found[int(time)], key
            found[int(time)][key] = float(value)
    return found


@cache
def key_of(series: str) -> Key:
    """Return the name and the labels of a series; prometheus-client's parser takes as long as all the rest."""
    name, _, labels = series.partition("{")
    pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)
    return (name, *sorted((label, re.sub(r"\\(.)", r"\1", value)) for label, value in pairs))


def tabled(events: list[dict[str, Any]], labels: list[dict[str, Any]]) -> pd.DataFrame:
    """Return predictions and their labels as one table, a row a prediction."""
    frame = pd.DataFrame(
        [
            {
                **event["features"],
                **event["segments"],
                **{f"attributions.{name}": value for name, value in event.get("attributions", {}).items()},
                **{k: v for k, v in event.items() if k not in ("features", "segments", "attributions")},
            }
            for event in events
        ]
    )
    own = pd.DataFrame(labels).rename(columns={"timestamp": "label_timestamp"}).set_index("id")
    return frame.join(own, on="id")


def compare(config: Path, found: dict[int, dict[Key, float]], events: Any, labels: Any) -> None:
    moments = list(live(config, events, labels))
    assert len(moments) == len(found)
    compared = 0
    for shown, (time, there) in zip(moments, found.items(), strict=True):
        wanted = {key: value for key, value in shown.items() if not key[0].startswith("ml_exporter_")}
        assert there.keys() == wanted.keys(), time
        for key in [key for key in wanted if key[0] in WITHIN_AN_INTERVAL]:
            # An event of the same interval may be another version's, or counted for nobody.
            assert abs(wanted.pop(key) - there.pop(key)) <= STEP
        apart = [key for key, value in wanted.items() if not math.isclose(there[key], value, rel_tol=1e-12)]
        assert not apart, (time, [(key, there[key], wanted[key]) for key in apart[:10]])
        compared += len(wanted)
    assert compared > 10_000


@pytest.mark.parametrize("task", list(Task))
def test_json_lines_give_what_the_live_engine_showed(tmp_path: Path, task: Task) -> None:
    config = write_config(tmp_path, task, MORE, noise=True)
    events, labels = recorded(task)
    both = sorted((*events, *labels), key=lambda item: item["timestamp"])
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(item) + "\n" for item in both))
    compare(config, history(config, tmp_path, tmp_path / "events.jsonl"), events, labels)


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_table_with_labels_beside_gives_what_the_live_engine_showed(
    tmp_path: Path, task: Task, format: str
) -> None:
    config = write_config(tmp_path, task, MORE)
    events, labels = recorded(task)
    # A table has one label for a row, so a repeated id has none of its own.
    del events[21]
    labels = [label for label in labels if label["id"] != "id-21"]
    frame = tabled(events, labels).rename(columns={"timestamp": "when"})
    path = tmp_path / f"events.{format}"
    frame.to_csv(path, index=False) if format == "csv" else frame.to_parquet(path)
    compare(config, history(config, tmp_path, path, columns={"timestamp": "when"}), events, labels)


def test_labels_in_a_file_of_their_own_give_what_the_live_engine_showed(tmp_path: Path) -> None:
    config = write_config(tmp_path, Task.BINARY, MORE)
    events, labels = recorded(Task.BINARY)
    frame = tabled(events, labels).drop(columns=["label", "label_timestamp"])
    frame["timestamp"] = [datetime.fromtimestamp(time, UTC).isoformat() for time in frame["timestamp"]]
    frame.to_csv(tmp_path / "predictions.csv", index=False)
    ordered = pd.DataFrame(labels).sort_values("timestamp")
    ordered.to_csv(tmp_path / "labels.csv", index=False)
    found = history(config, tmp_path, tmp_path / "predictions.csv", tmp_path / "labels.csv")
    compare(config, found, events, labels)


def test_versions_have_their_own_histories_and_end_with_their_events(tmp_path: Path) -> None:
    config = write_config(tmp_path, Task.BINARY, MORE)
    events, labels = recorded(Task.BINARY)
    for event in events[:120:2]:
        event["version"] = "canary"
    both = sorted((*events, *labels), key=lambda item: item["timestamp"])
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(item) + "\n" for item in both))
    found = history(config, tmp_path, tmp_path / "events.jsonl")
    key = ("ml_predictions_total", ("model", "model"), ("version", "canary"))
    there = [samples.get(key) for samples in found.values()]
    wanted = [shown.get(key) for shown in live(config, events, labels)]
    assert there == wanted
    assert 60.0 in there
    assert there[-1] is None


def test_a_version_with_a_baseline_of_its_own_has_its_own_history(tmp_path: Path) -> None:
    config = configured(tmp_path, Task.BINARY, MORE)
    events, labels = recorded(Task.BINARY)
    for event, moved_event in zip(events[::2], events_of(moved(ROWS, 9, Task.BINARY)), strict=False):
        event |= {key: moved_event[key] for key in ("version", "features", "score")}
    both = sorted((*events, *labels), key=lambda item: item["timestamp"])
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(item) + "\n" for item in both))
    compare(config, history(config, tmp_path, tmp_path / "events.jsonl"), events, labels)


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_a_shadow_has_its_own_history(tmp_path: Path, task: Task) -> None:
    """It answers up to ten minutes before or after the other version, and often after the label."""
    config = write_config(tmp_path, task, MORE)
    own = "    baseline: baseline.json\n"
    config.write_text(config.read_text().replace(own, own + '    versions: {"2": {shadow: true}}\n'))
    events, labels = recorded(task)
    rng = np.random.default_rng(5)
    key = "score" if task is Task.BINARY else "prediction"
    asked = {event["id"]: event["timestamp"] for event in events}
    for label in labels[::5]:
        label["timestamp"] = asked.get(label["id"], BEGIN) + 30
    for number, event in enumerate(list(events)):
        time = max(event["timestamp"] + rng.uniform(-600, 600), BEGIN)
        if number % 7:
            events.append(event | {"version": "2", "timestamp": round(time, 3), key: event[key] * 0.9})
    both = sorted((*events, *labels), key=lambda item: item["timestamp"])
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(item) + "\n" for item in both))
    found = history(config, tmp_path, tmp_path / "events.jsonl")
    compare(config, found, sorted(events, key=lambda item: item["timestamp"]), labels)
