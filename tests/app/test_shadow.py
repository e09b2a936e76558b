"""Shadows: predictions beside those at work, under the same ids, compared pair by pair whatever the order."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_exporter.app.runtime import runtimes
from ml_exporter.config.load import load
from ml_exporter.core.clock import ManualClock
from ml_exporter.core.schema import Task
from ml_exporter.ingest.intake import Intake
from support import workload
from support.engine import START, Bench, values, write_config

ROWS = 600
SHADOW = '    versions: {"2": {shadow: true}}\n'


def configured(folder: Path, task: Task) -> Path:
    """Write a configuration whose version 2 is a shadow."""
    config = write_config(folder, task)
    text = config.read_text()
    config.write_text(text.replace("    baseline: baseline.json\n", "    baseline: baseline.json\n" + SHADOW))
    return config


def predictions(task: Task) -> tuple[list[dict[str, Any]], list[dict[str, Any]], workload.Table]:
    """Return what the version at work and its shadow say of the same ids, of which the shadow skips some."""
    columns = workload.table(ROWS, seed=91, task=task)
    at_work = workload.events(columns)
    rng = np.random.default_rng(1)
    shadow = []
    for event in at_work:
        other = event | {"version": "2"}
        if task is Task.BINARY:
            other["score"] = float(np.clip(event["score"] + rng.normal(0.02, 0.1), 0, 1))
        elif task is Task.REGRESSION:
            other["prediction"] = event["prediction"] + float(rng.normal(1.0, 3.0))
        else:
            other["prediction"] = str(rng.choice(workload.CLASSES))
            del other["scores"]
        if rng.random() < 0.9:
            shadow.append(other)
    return at_work, shadow, columns


def wanted(task: Task, at_work: list[dict[str, Any]], shadow: list[dict[str, Any]]) -> dict[str, float]:
    """Return agreement and differences, computed from the pairs themselves."""
    key = "score" if task is Task.BINARY else "prediction"
    said = {event["id"]: event[key] for event in at_work}
    pairs = [(said[event["id"]], event[key]) for event in shadow if event["id"] in said]
    found = {"ml_shadow_pairs": float(len(pairs))}
    if task is Task.BINARY:
        found["ml_shadow_agreement_ratio"] = float(np.mean([(a >= 0.5) == (b >= 0.5) for a, b in pairs]))
    elif task is Task.MULTICLASS:
        found["ml_shadow_agreement_ratio"] = float(np.mean([a == b for a, b in pairs]))
    if task is not Task.MULTICLASS:
        differences = np.array([b - a for a, b in pairs])
        found["ml_shadow_difference_absolute"] = float(np.abs(differences).mean())
        found["ml_shadow_difference_mean"] = float(differences.mean())
    return found


def shown(bench: Bench, task: Task) -> dict[str, float | None]:
    names = ["ml_shadow_pairs"]
    names += ["ml_shadow_agreement_ratio"] if task is not Task.REGRESSION else []
    names += ["ml_shadow_difference_absolute", "ml_shadow_difference_mean"] if task is not Task.MULTICLASS else []
    return {name: bench.value(name, model="model", version="2", window="1h") for name in names}


def interleaved(at_work: list[dict[str, Any]], shadow: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    order = np.random.default_rng(2).permutation(len(at_work) + len(shadow))
    mixed = [[*at_work, *shadow][place] for place in order]
    return [mixed[start : start + 70] for start in range(0, len(mixed), 70)]


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("order", ["work first", "shadow first", "one batch", "any"])
def test_pairs_are_compared_whichever_comes_first(tmp_path: Path, task: Task, order: str) -> None:
    at_work, shadow, _ = predictions(task)
    batches = {
        "work first": [at_work, shadow],
        "shadow first": [shadow, at_work],
        "one batch": [[*at_work, *shadow]],
        "any": interleaved(at_work, shadow),
    }[order]
    bench = Bench(configured(tmp_path, task), ManualClock(START))
    for batch in batches:
        bench.send(batch)
    # Whoever sends again adds nothing.
    bench.send(shadow[:50] + at_work[:50])
    bench.tick()
    assert shown(bench, task) == pytest.approx(wanted(task, at_work, shadow), abs=1e-8)
    assert bench.value("ml_predictions_total", model="model", version="2") == len(shadow)
    assert bench.value("ml_predictions_duplicate_total", model="model") == 100
    assert values(bench.published)["ml_model_shadow_info", ("model", "model"), ("version", "2")] == 1


def test_a_label_is_joined_to_both_and_counts_once(tmp_path: Path) -> None:
    at_work, shadow, columns = predictions(Task.BINARY)
    labels = workload.labels(columns)
    bench = Bench(configured(tmp_path, Task.BINARY), ManualClock(START))
    bench.send([*at_work, *shadow], labels)
    bench.send(labels=labels[:20])
    bench.tick()
    assert bench.value("ml_labels_total", model="model", result="joined") == ROWS
    assert bench.value("ml_labels_total", model="model", result="duplicate") == 20
    truth = {item["id"]: item["label"] for item in labels}
    for version, events in (("1", at_work), ("2", shadow)):
        right = np.mean([(event["score"] >= 0.5) == truth[event["id"]] for event in events])
        found = bench.value("ml_performance_accuracy", model="model", version=version, window="1h")
        assert found == pytest.approx(right)
        samples = bench.value("ml_performance_samples", model="model", version=version, window="1h")
        assert samples == len(events)


def test_a_label_before_the_shadows_prediction_is_the_others_alone(tmp_path: Path) -> None:
    at_work, shadow, columns = predictions(Task.BINARY)
    bench = Bench(configured(tmp_path, Task.BINARY), ManualClock(START))
    bench.send(at_work, workload.labels(columns))
    bench.send(shadow)
    bench.tick()
    assert bench.value("ml_labels_total", model="model", result="joined") == ROWS
    assert bench.value("ml_performance_samples", model="model", version="2", window="1h") == 0
    assert bench.value("ml_shadow_pairs", model="model", version="2", window="1h") == len(shadow)


def test_pairs_are_found_across_a_kill(tmp_path: Path) -> None:
    at_work, shadow, columns = predictions(Task.BINARY)
    config = configured(tmp_path, Task.BINARY)
    bench = Bench(config, ManualClock(START))
    bench.send(at_work)
    bench.tick()
    bench.send(shadow[:200])
    bench.tick()
    bench.vanish()
    again = Bench(config, bench.clock)
    assert again.engine.status.notes == []
    again.send(shadow, workload.labels(columns))
    again.tick()
    assert shown(again, Task.BINARY) == pytest.approx(wanted(Task.BINARY, at_work, shadow), abs=1e-8)
    samples = again.value("ml_performance_samples", model="model", version="2", window="1h")
    assert samples == len(shadow)


def test_few_pairs_are_told(tmp_path: Path) -> None:
    at_work, shadow, _ = predictions(Task.BINARY)
    bench = Bench(configured(tmp_path, Task.BINARY), ManualClock(START))
    bench.send(shadow)
    bench.tick()
    scope = {"model": "model", "version": "2", "window": "1h", "feature": ""}
    assert bench.value("ml_signal_no_data", **scope, signal="shadow_agreement", reason="no_pairs") == 1
    bench.send(at_work[:40])
    bench.tick()
    assert bench.value("ml_signal_no_data", **scope, signal="shadow_difference", reason="too_few_samples") == 1
    assert bench.value("ml_shadow_agreement_ratio", model="model", version="2", window="1h") is None


def test_pairs_without_scores_are_pairs(tmp_path: Path) -> None:
    bench = Bench(configured(tmp_path, Task.BINARY), ManualClock(START))
    said = [{"id": str(row), "prediction": str(row % 2), "features": {}} for row in range(200)]
    bench.send([*said, *(event | {"version": "2", "prediction": "1"} for event in said)])
    bench.tick()
    of = {"model": "model", "version": "2", "window": "1h"}
    assert bench.value("ml_shadow_pairs", **of) == 200
    assert bench.value("ml_shadow_agreement_ratio", **of) == 0.5
    assert bench.value("ml_shadow_difference_mean", **of) is None
    assert bench.value("ml_signal_no_data", **of, feature="", signal="shadow_difference", reason="no_scores") == 1


def test_a_version_that_becomes_a_shadow_is_not_compared_with_itself(tmp_path: Path) -> None:
    """What it answered before is its one answer to an id, and counts as labelled once."""
    at_work, shadow, columns = predictions(Task.BINARY)
    config = write_config(tmp_path)
    bench = Bench(config, ManualClock(START))
    bench.send(shadow[:200])
    bench.tick()
    models = runtimes(load(configured(tmp_path, Task.BINARY)))
    bench.engine.replace_models(models)
    bench.intake = Intake({name: model.intake for name, model in models.items()})
    bench.send([*shadow[:200], *at_work, *shadow[200:]], workload.labels(columns))
    bench.tick()
    of = {"model": "model", "version": "2", "window": "1h"}
    assert bench.value("ml_shadow_pairs", **of) == len(shadow) - 200
    assert bench.value("ml_performance_samples", **of) == len(shadow)
    # Version 1 comes too late for these ids, as it would have before.
    assert bench.value("ml_predictions_duplicate_total", model="model") == 200 + 200


def test_the_sums_of_another_version_are_those_without_a_shadow(tmp_path: Path) -> None:
    at_work, shadow, columns = predictions(Task.BINARY)
    both, alone = (tmp_path / name for name in ("both", "alone"))
    for folder in (both, alone):
        folder.mkdir()
    beside = Bench(configured(both, Task.BINARY), ManualClock(START))
    beside.send([*shadow, *at_work], workload.labels(columns))
    beside.tick()
    single = Bench(write_config(alone), ManualClock(START))
    single.send(at_work, workload.labels(columns))
    single.tick()
    of_work = {key: value for key, value in values(beside.published).items() if ("version", "1") in key}
    assert of_work == {key: value for key, value in values(single.published).items() if ("version", "1") in key}


def test_a_shadow_may_be_alone_in_the_configuration_file(tmp_path: Path) -> None:
    config = configured(tmp_path, Task.BINARY)
    text = config.read_text()
    assert json.dumps("2") in text
    config.write_text(
        text.replace("    baseline: baseline.json\n", "").replace("{region: {reference: north}}", "{}")
    )
    bench = Bench(config, ManualClock(START))
    score = [{"id": str(row), "score": 0.4 + 0.001 * row, "features": {}} for row in range(200)]
    bench.send([*score, *(event | {"version": "2", "score": 0.5} for event in score)])
    bench.tick()
    assert bench.value("ml_shadow_pairs", model="model", version="2", window="1h") == 200
    agreement = bench.value("ml_shadow_agreement_ratio", model="model", version="2", window="1h")
    assert agreement == pytest.approx(0.5)
