"""The prediction log of the real process: what it holds, whom it samples, what it never does."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_exporter.baseline import document
from ml_exporter.baseline.fit import fit
from ml_exporter.baseline.options import FitOptions
from ml_exporter.core.ecs import moment
from ml_exporter.core.privacy import masked
from ml_exporter.core.schema import Task
from support import ecs, tables, workload
from support.engine import write_config
from support.models import chunk_of, tallies_of
from support.processes import Process, sidecar

KEY = b"the key of this test"
LOG = "prediction_log: {{file: predictions.jsonl, share: {share}{more}}}\nsensitive_key: {{file: key}}\n"
LOST = "ml_exporter_prediction_log_lost_total"
LOSSES = ("queue_full", "disk", "internal")
WRITTEN = "ml_exporter_prediction_log_lines_total"


def configured(folder: Path, task: Task = Task.BINARY, share: float = 1, more: str = "", extra: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "key").write_bytes(KEY)
    return write_config(folder, task, LOG.format(share=share, more=more) + extra)


@contextmanager
def serving(config: Path) -> Iterator[Process]:
    server = sidecar(config)
    try:
        yield server
    finally:
        server.end(signal.SIGTERM)


def lines(folder: Path) -> list[dict[str, Any]]:
    path = folder / "predictions.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def number_of(name: str) -> str:
    """Return the hash that stands for an id."""
    return masked(name, KEY)


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("form", ["events", "columns", "arrow", "encoded arrow", "parquet"])
def test_a_line_says_what_the_event_said(task: Task, form: str, tmp_path: Path) -> None:
    table = workload.table(50, seed=31, task=task)
    events, labels = workload.events(table), workload.labels(table)
    for row, event in enumerate(events):
        event["timestamp"] = 1.7e9 + row
        event["version"] = "2" if row % 2 else "1"
        event["error"] = row == 7
    events[0]["features"]["few"] = "never seen before"
    config = configured(tmp_path, task)
    with serving(config) as server:
        if form.endswith(("arrow", "parquet")):
            table_of_all = tables.table_of(events, encoded=form.startswith("encoded"))
            body = tables.file(table_of_all) if form == "parquet" else tables.stream(table_of_all, 20)
            kind = tables.PARQUET if form == "parquet" else tables.ARROW
            status, told = server.request("POST", "/v1/predictions", body, Content_Type=kind)
            answer = (status, json.loads(told))
        elif form == "columns":
            keys = [key for key in events[0] if key not in ("features", "scores", "segments")]
            whole: dict[str, Any] = {key: [event[key] for event in events] for key in keys}
            for group in ("features", "scores", "segments"):
                if group in events[0]:
                    whole[group] = {name: [event[group][name] for event in events] for name in events[0][group]}
            answer = server.post("/v1/predictions", [{"columns": whole}])
        else:
            answer = server.post("/v1/predictions", events)
        assert answer == (202, {"status": "queued", "accepted": 50})
        assert server.post("/v1/labels", labels)[0] == 202
        server.until(WRITTEN, 100)
        assert {server.metrics()[f'{LOST}{{reason="{reason}"}}'] for reason in LOSSES} == {0}
    written = lines(tmp_path)
    predicted = [line for line in written if line["event.action"] == "prediction"]
    assert len(predicted) == len(written) - 50 == 50
    for row, (line, event) in enumerate(zip(predicted, events, strict=True)):
        own = line["ml_exporter"]
        assert line["@timestamp"] == moment(event["timestamp"])
        assert line["event.outcome"] == ("failure" if row == 7 else "success")
        assert line["event.duration"] == round(event["latency_seconds"] * 1e9)
        assert own["model"] == {"name": "model", "version": event["version"]}
        assert own["prediction"]["id"] == number_of(event["id"])
        wanted = {**event["features"], "flag": str(event["features"]["flag"]).lower()}
        wanted["few"] = "other" if row == 0 else wanted["few"]
        assert own["features"] == wanted
        if task is Task.REGRESSION:
            assert own["prediction"]["value"] == event["prediction"]
        elif task is Task.BINARY:
            assert own["prediction"]["score"] == event["score"]
            assert own["prediction"]["class"] == str(int(event["score"] >= 0.5))
        else:
            assert own["prediction"]["class"] == event["prediction"]
            assert own["prediction"]["scores"] == event["scores"]
    for line, label in zip((line for line in written if line["event.action"] == "label"), labels, strict=True):
        kind = "value" if task is Task.REGRESSION else "class"
        value = label["label"] if task is not Task.BINARY else str(label["label"])
        assert line["ml_exporter"]["prediction"] == {"id": number_of(label["id"])}
        assert line["ml_exporter"]["label"] == {kind: value}
    assert (tmp_path / "predictions.jsonl").stat().st_mode & 0o777 == 0o600


def test_what_an_event_lacks_its_line_lacks(tmp_path: Path) -> None:
    with serving(configured(tmp_path)) as server:
        before = time.time()
        features = {"normal": None, "tailed": "text", "few": None, "many": 5, "zeros": 1e400}
        assert server.post("/v1/predictions", [{"features": features}])[0] == 202
        server.until(WRITTEN, 1)
    (line,) = lines(tmp_path)
    own = line["ml_exporter"]
    assert own["features"] == {"normal": None, "tailed": None, "zeros": None, "few": None, "many": "other"}
    assert own["prediction"] == {}
    assert "event.duration" not in line
    assert line["@timestamp"] >= moment(before)


def test_times_and_latencies_that_no_line_can_hold_cost_no_line(tmp_path: Path) -> None:
    """A year that the calendar of the line does not have, and a latency without end."""
    odd = {"id": "a", "score": 0.5, "timestamp": "0001-01-01T00:00:00+14:00"}
    body = b'{"id": "b", "score": 0.5, "latency_seconds": 1e400}\n' + json.dumps(odd).encode()
    with serving(configured(tmp_path)) as server:
        before = time.time()
        assert server.request("POST", "/v1/predictions", body, Content_Type="application/x-ndjson")[0] == 202
        label = {"id": "a", "label": 1, "timestamp": "0001-01-01T00:00:00+14:00"}
        assert server.post("/v1/labels", [label])[0] == 202
        server.until(WRITTEN, 3)
    for line in lines(tmp_path):
        assert line["@timestamp"] >= moment(before)
        assert "event.duration" not in line


def test_two_replicas_sample_the_same_ids_and_their_labels(tmp_path: Path) -> None:
    rows = 4_000
    table = workload.table(rows, seed=32)
    events, labels = workload.events(table), workload.labels(table)
    found: list[tuple[list[str], list[str]]] = []
    for replica in ("a", "b"):
        folder = tmp_path / replica
        with serving(configured(folder, share=0.1)) as server:
            chosen = events if replica == "a" else events[::-1]
            for start in range(0, rows, 500):
                assert server.post("/v1/predictions", chosen[start : start + 500])[0] == 202
            assert server.post("/v1/labels", labels)[0] == 202
            server.until('ml_labels_total{model="model",result="joined"}', rows)
        ids = {"prediction": [], "label": []}  # type: ignore[var-annotated]
        for line in lines(folder):
            ids[line["event.action"]].append(line["ml_exporter"]["prediction"]["id"])
        found.append((sorted(ids["prediction"]), sorted(ids["label"])))
    (first, first_labels), (second, second_labels) = found
    assert first == second == first_labels == second_labels
    # A binomial of 4,000 and 0.1 lies beyond six standard deviations once in a billion.
    assert abs(len(first) - rows * 0.1) < 6 * np.sqrt(rows * 0.1 * 0.9)


def sensitive(folder: Path, more: str) -> Path:
    """Write a configuration whose features ``few`` and ``tied`` are sensitive, one of each kind."""
    config = configured(folder, more=more)
    table = workload.table(2_000, seed=1)
    options = FitOptions(Task.BINARY, label="label", score="score", sensitive=frozenset({"few", "tied"}), key=KEY)
    fitted = fit(
        lambda: iter([chunk_of(table)]), options, tallies_of, lambda *given: {}, (), source="s", created=1.0
    )
    document.write(fitted.document, folder / "baseline.json")
    return config


def test_sensitive_features_and_ids_are_not_in_the_lines(tmp_path: Path) -> None:
    event = {"id": "jane.doe@example.org", "score": 0.7, "features": {"few": "a", "tied": 23.0, "normal": 0.5}}
    with serving(sensitive(tmp_path, "")) as server:
        assert server.post("/v1/predictions", [event])[0] == 202
        assert server.post("/v1/labels", [{"id": event["id"], "label": 1}])[0] == 202
        server.until(WRITTEN, 2)
    prediction, label = lines(tmp_path)
    assert prediction["ml_exporter"]["features"] == {"normal": 0.5}
    text = (tmp_path / "predictions.jsonl").read_text()
    assert "jane" not in text
    assert "23" not in json.dumps(prediction["ml_exporter"]["features"])
    assert label["ml_exporter"]["prediction"]["id"] == number_of("jane.doe@example.org")


def test_sensitive_values_may_be_hashed_and_ids_plain(tmp_path: Path) -> None:
    event = {"id": 17, "score": 0.7, "features": {"few": "a", "tied": 23.0, "normal": 0.5}}
    with serving(sensitive(tmp_path, ", ids: plain, sensitive: hashed")) as server:
        assert server.post("/v1/predictions", [event])[0] == 202
        server.until(WRITTEN, 1)
    own = lines(tmp_path)[0]["ml_exporter"]
    assert own["features"] == {"normal": 0.5, "few": masked("a", KEY), "tied": masked("23", KEY)}
    assert own["prediction"]["id"] == "17"


def test_a_model_may_be_left_out_and_nothing_is_written_by_default(tmp_path: Path) -> None:
    config = configured(tmp_path)
    text = config.read_text()
    config.write_text(text.replace("    owner: team\n", "    owner: team\n    prediction_log: false\n"))
    with serving(config) as server:
        assert server.post("/v1/predictions?ack=durable", [{"id": "a", "score": 0.5}])[0] == 200
        assert server.metrics()[WRITTEN] == 0
        config.write_text(text)
        assert server.request("POST", "/-/reload")[0] == 200
        server.post("/v1/predictions", [{"id": "b", "score": 0.5}])
        server.until(WRITTEN, 1)
        config.write_text(text.partition("prediction_log:")[0])
        assert server.request("POST", "/-/reload")[0] == 200
        assert server.post("/v1/predictions?ack=durable", [{"id": "c", "score": 0.5}])[0] == 200
        assert not any("prediction_log" in series for series in server.metrics())
    assert len(lines(tmp_path)) == 1


def test_a_full_disk_loses_lines_and_nothing_else(tmp_path: Path) -> None:
    config = configured(tmp_path)
    config.write_text(config.read_text().replace("predictions.jsonl", "/dev/full"))
    table = workload.table(300, seed=33)
    with serving(config) as server:
        for start in range(0, 300, 100):
            server.post("/v1/predictions", workload.events(table)[start : start + 100])
            server.until(f'{LOST}{{reason="disk"}}', start + 100)
        server.until('ml_predictions_total{model="model",version="1"}', 300)
        assert server.metrics()["ml_exporter_events_uncounted_total"] == 0
        assert server.metrics()[WRITTEN] == 0
        config.write_text(config.read_text().replace("/dev/full", "predictions.jsonl"))
        assert server.request("POST", "/-/reload")[0] == 200
        server.post("/v1/predictions", [{"id": "b", "score": 0.5}])
        server.until(WRITTEN, 1)
        assert server.metrics()[f'{LOST}{{reason="disk"}}'] == 300
    assert server.log.read_text().count("prediction log cannot be written") == 1


def test_a_disk_that_hangs_holds_up_nobody(tmp_path: Path) -> None:
    """The file is a pipe that nobody reads: its writer stands still, what does not fit the queue is counted."""
    config = configured(tmp_path, extra="limits: {queue_events: 1000}\n")
    os.mkfifo(tmp_path / "predictions.jsonl")
    reader = os.open(tmp_path / "predictions.jsonl", os.O_RDONLY | os.O_NONBLOCK)
    table = workload.table(1_000, seed=34)
    server = sidecar(config)
    try:
        for number in range(5):
            events = workload.events(table, number * 1_000)
            assert server.post("/v1/predictions?ack=durable", events)[0] == 200
        server.until('ml_predictions_total{model="model",version="1"}', 5_000)
        lost = server.metrics()[f'{LOST}{{reason="queue_full"}}']
        assert 3_000 <= lost <= 4_000
    finally:
        server.end()
        os.close(reader)


def test_rotation_bounds_what_the_log_takes(tmp_path: Path) -> None:
    config = configured(tmp_path, more=", max_size: 1MiB, keep: 2")
    table = workload.table(1_000, seed=35)
    with serving(config) as server:
        for number in range(8):
            assert server.post("/v1/predictions", workload.events(table, number * 1_000))[0] == 202
            server.until(WRITTEN, (number + 1) * 1_000)
    files = sorted(tmp_path.glob("predictions.jsonl*"))
    assert [path.name for path in files] == ["predictions.jsonl", "predictions.jsonl.1", "predictions.jsonl.2"]
    for path in files:
        assert path.stat().st_size <= 1 << 20
        assert path.stat().st_mode & 0o777 == 0o600
        assert all("ml_exporter.prediction.id" in line for line in ecs.lines(path))


def test_a_stop_writes_what_waits(tmp_path: Path) -> None:
    table = workload.table(2_000, seed=36)
    with serving(configured(tmp_path)) as server:
        assert server.post("/v1/predictions", workload.events(table))[0] == 202
    assert len(lines(tmp_path)) == 2_000


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    config = configured(tmp_path)
    good = config.read_text()
    with serving(config) as server:
        config.write_text(good.replace("predictions.jsonl", "no/where"))
        status, body = server.request("POST", "/-/reload")
        assert status == 400
        told = f"prediction_log.file: {tmp_path}/no/where cannot be written: No such file or directory"
        assert told in json.loads(body)["detail"]
        server.post("/v1/predictions", [{"id": "b", "score": 0.5}])
        server.until(WRITTEN, 1)
