"""Estimates against isotonic regression of scikit-learn over raw rows, against NannyML, and against the truth."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as sk
from benchmarks.environments import python_of
from sklearn.isotonic import IsotonicRegression

from ml_exporter.baseline.calibration import LEAST, isotonic
from ml_exporter.baseline.document import BaselineDocument
from ml_exporter.baseline.fit import fit
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.reference import reference_of
from ml_exporter.baseline.rows import outcomes_of, predictions_of
from ml_exporter.baseline.schema import schema_of
from ml_exporter.baseline.source import Chunk
from ml_exporter.core.metrics import Block, NoData
from ml_exporter.core.schema import Task
from ml_exporter.signals import estimation
from ml_exporter.signals.signal import ModelContext, View
from ml_exporter.sums.estimation import ONE
from ml_exporter.sums.layout import Sums
from support import workload
from support.models import Model, chunk_of, tallies_of

ROWS = 20_000
TASKS = [Task.BINARY, Task.MULTICLASS]
CLASSES = ("bird", "cat", "dog")
OPTIONS = {
    Task.BINARY: FitOptions(Task.BINARY, label="label", score="score"),
    Task.MULTICLASS: FitOptions(
        Task.MULTICLASS,
        label="label",
        prediction="prediction",
        class_scores={name: f"score:{name}" for name in reversed(CLASSES)},
    ),
}


def served(task: Task, seed: int, shift: float = 0.0, concept: float = 0.0, rows: int = ROWS) -> workload.Table:
    """Return predictions whose scores are not probabilities, but stand for one.

    ``shift`` moves the inputs, ``concept`` what they mean.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1.0, rows)
    columns: workload.Table = {"x": x}
    if task is Task.BINARY:
        columns["score"] = (1.0 / (1.0 + np.exp(-1.5 * x))) ** 1.7
        chance = 1.0 / (1.0 + np.exp(-1.5 * (x - concept)))
        columns["label"] = (rng.random(rows) < chance).astype(int)
        return columns
    logits = np.stack([x, np.full(rows, 0.3), -x])
    chances = np.exp(logits - logits.max(axis=0))
    chances /= chances.sum(axis=0)
    sharp = chances**2.5
    sharp /= sharp.sum(axis=0)
    for name, scores in zip(CLASSES, sharp, strict=True):
        columns[f"score:{name}"] = scores
    names = np.array(CLASSES, object)
    columns["prediction"] = names[sharp.argmax(axis=0)]
    mixed = (1 - concept) * chances + concept / 3
    columns["label"] = names[np.minimum((rng.random(rows) > mixed.cumsum(axis=0)).sum(axis=0), 2)]
    return columns


class Case:
    """A model fitted to labelled predictions, as the sidecar would have it."""

    def __init__(self, task: Task, rows: workload.Table) -> None:
        self.options = OPTIONS[task]

        def chunks() -> Iterator[Chunk]:
            for start in range(0, len(rows["x"]), 6_000):
                yield chunk_of(workload.take(rows, slice(start, start + 6_000)))

        self.document: BaselineDocument = fit(
            chunks, self.options, tallies_of, lambda *known: {}, (), source="rows", created=1.0
        ).document
        self.schema, problems = schema_of("model", task, self.document, {})
        assert not problems
        self.tallies = tallies_of(self.schema)
        self.context = ModelContext(reference_of(self.schema, self.tallies, self.document), 100)

    def sums(self, rows: workload.Table, *, labelled: bool = True) -> Sums:
        sums = self.tallies.zero()
        chunk = chunk_of(rows)
        predictions = predictions_of(chunk, self.schema, self.options)
        self.tallies.add_predictions(predictions, sums)
        if labelled:
            self.tallies.add_outcomes(outcomes_of(predictions, chunk["label"], self.schema), sums)
        return sums

    def values(self, sums: Sums) -> dict[str, np.ndarray]:
        """Return the samples of a window by the name of the metric without its beginning."""
        view = View(self.context, "1", sums, "1h")
        return {
            block.metric.name.removeprefix("ml_estimated_performance_").removeprefix("ml_performance_estimate_"): (
                block.values
            )
            for signal in estimation.SIGNALS
            for block in signal.over_window(view)
            if isinstance(block, Block)
        }


@cache
def case(task: Task) -> tuple[Case, workload.Table]:
    rows = served(task, seed=1)
    return Case(task, rows), rows


def scores_of(task: Task, rows: workload.Table) -> np.ndarray:
    return rows["score"][None] if task is Task.BINARY else np.array([rows[f"score:{name}"] for name in CLASSES])


def truths_of(task: Task, rows: workload.Table) -> np.ndarray:
    return np.array([rows["label"] == name for name in ([1] if task is Task.BINARY else CLASSES)])


def predicted_of(task: Task, rows: workload.Table) -> np.ndarray:
    if task is Task.BINARY:
        return (rows["score"] >= 0.5).astype(int)
    return np.array([CLASSES.index(name) for name in rows["prediction"]])


def chances_by_scikit_learn(task: Task, baseline: workload.Table, rows: workload.Table) -> np.ndarray:
    """Return the calibrated probability of each class, (classes, rows)."""
    fitted = np.array(
        [
            IsotonicRegression(out_of_bounds="clip").fit(known, truth).predict(scores)
            for known, truth, scores in zip(
                scores_of(task, baseline), truths_of(task, baseline), scores_of(task, rows), strict=True
            )
        ]
    )
    return np.concatenate((1 - fitted, fitted)) if task is Task.BINARY else fitted / fitted.sum(axis=0)


def bound_of(sums: Sums) -> float:
    """Return how far the area may be from that of single rows, the mean over classes."""
    tables = sums["expected_score_bins"].reshape(-1, 2, sums["expected_score_bins"].shape[-1]) / 2.0**30
    negative, positive = tables[:, 0], tables[:, 1]
    pairs = negative.sum(axis=1) * positive.sum(axis=1)
    return float(((negative * positive).sum(axis=1) / (2 * pairs)).mean())


def expected_area(chances: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the curve where each row is positive by its chance, and negative by the rest of it."""
    twice = np.concatenate((scores, scores))
    positive = np.repeat([1, 0], len(scores))
    return float(sk.roc_auc_score(positive, twice, sample_weight=np.concatenate((chances, 1 - chances))))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("shift", [0.0, 0.8])
def test_estimates_are_expectations_over_rows_calibrated_by_scikit_learn(task: Task, shift: float) -> None:
    model, baseline = case(task)
    rows = served(task, seed=2, shift=shift)
    chances, predicted = chances_by_scikit_learn(task, baseline, rows), predicted_of(task, rows)
    classes = range(len(chances))
    confusion = np.array([[chances[true, predicted == told].sum() for told in classes] for true in classes])
    right = np.diag(confusion)
    sums = model.sums(rows, labelled=False)
    values = model.values(sums)
    accuracy = right.sum() / ROWS
    assert values["samples"] == [ROWS]
    assert values["accuracy"] == pytest.approx([accuracy], abs=1e-8)
    assert values["accuracy_standard_error"] == pytest.approx(
        [np.sqrt(accuracy * (1 - accuracy) / ROWS)], abs=1e-8
    )
    assert values["precision"] == pytest.approx(right / confusion.sum(axis=0), abs=1e-7)
    assert values["recall"] == pytest.approx(right / confusion.sum(axis=1), abs=1e-7)
    assert values["f1"] == pytest.approx(2 * right / (confusion.sum(axis=0) + confusion.sum(axis=1)), abs=1e-7)
    for key, counts in (("precision", confusion.sum(axis=0)), ("recall", confusion.sum(axis=1))):
        error = np.sqrt(values[key] * (1 - values[key]) / counts)
        assert values[f"{key}_standard_error"] == pytest.approx(error, rel=1e-6)
    touched = confusion.sum(axis=0) + confusion.sum(axis=1)
    error = np.sqrt(values["f1"] * (1 - values["f1"]) * (2 - values["f1"]) / touched)
    assert values["f1_standard_error"] == pytest.approx(error, rel=1e-6)
    scores = scores_of(task, rows)
    ovr = chances[1:] if task is Task.BINARY else chances
    areas = [expected_area(each, score) for each, score in zip(ovr, scores, strict=True)]
    assert values["roc_auc"] == pytest.approx([np.mean(areas)], abs=bound_of(sums))
    assert not {name for name in values if name.startswith("gap")}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("shift", [0.0, -0.8, 0.8])
def test_where_inputs_move_alone_the_estimate_is_the_truth(task: Task, shift: float) -> None:
    model, _ = case(task)
    rows = served(task, seed=3, shift=shift)
    values = model.values(model.sums(rows))
    predicted = predicted_of(task, rows)
    truth = rows["label"] if task is Task.BINARY else np.array([CLASSES.index(name) for name in rows["label"]])
    realised = sk.accuracy_score(truth, predicted)
    # The calibration rests on as many labels as the window has: its error is about as large as that of chance.
    error = np.sqrt(2) * values["gap_accuracy_standard_error"][0]
    assert abs(values["accuracy"][0] - realised) < 4 * error
    assert values["gap_accuracy"] == pytest.approx([realised - values["accuracy"][0]], abs=1e-9)
    assert abs(values["gap_roc_auc"][0]) < 0.01
    for key, score in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        assert values[key] == pytest.approx(score(truth, predicted, average=None), abs=0.03)


@pytest.mark.parametrize("task", TASKS)
def test_a_shift_towards_the_undecided_lowers_the_estimate(task: Task) -> None:
    model, _ = case(task)
    far = 0.8 if task is Task.BINARY else 0.0
    rows = served(task, seed=4, shift=far)
    middle = np.abs(rows["x"]) < 0.5
    low = model.values(model.sums(workload.take(rows, middle), labelled=False))
    high = model.values(model.sums(workload.take(rows, ~middle), labelled=False))
    assert low["accuracy"][0] < high["accuracy"][0] - 0.1
    assert low["roc_auc"][0] < high["roc_auc"][0] - 0.1


@pytest.mark.parametrize(("task", "concept"), [(Task.BINARY, -1.0), (Task.MULTICLASS, 0.6)])
def test_a_changed_concept_shows_in_the_gap_alone(task: Task, concept: float) -> None:
    model, _ = case(task)
    same, changed = (model.values(model.sums(served(task, seed=5, concept=c))) for c in (0.0, concept))
    assert changed["accuracy"] == pytest.approx(same["accuracy"], abs=1e-12)
    assert changed["roc_auc"] == pytest.approx(same["roc_auc"], abs=1e-12)
    assert abs(same["gap_accuracy"][0]) < 6 * same["gap_accuracy_standard_error"][0]
    assert changed["gap_accuracy"][0] < -10 * changed["gap_accuracy_standard_error"][0]
    if task is Task.MULTICLASS:
        assert changed["gap_roc_auc"][0] < same["gap_roc_auc"][0] - 0.02


@pytest.mark.parametrize("task", TASKS)
def test_the_standard_error_of_the_gap_is_how_far_labels_scatter(task: Task) -> None:
    """Labels are drawn again and again from the calibrated chances of the same predictions."""
    model, baseline = case(task)
    rows = served(task, seed=6, rows=500)
    chances, predicted = chances_by_scikit_learn(task, baseline, rows), predicted_of(task, rows)
    right = chances[predicted, np.arange(len(predicted))]
    rng = np.random.default_rng(1)
    gaps = [(rng.random(len(right)) < right).mean() - right.mean() for _ in range(4_000)]
    error = model.values(model.sums(rows))["gap_accuracy_standard_error"][0]
    assert error == pytest.approx(np.std(gaps), rel=0.05)


def test_the_standard_error_of_the_gap_of_areas_is_how_far_labels_scatter() -> None:
    """Labels are drawn again and again from the calibrated chances of the same predictions."""
    model, baseline = case(Task.BINARY)
    rows = served(Task.BINARY, seed=11, rows=600)
    chances = chances_by_scikit_learn(Task.BINARY, baseline, rows)[1]
    rng = np.random.default_rng(2)
    drawn = (rng.random((500, 600)) < chances).astype(int)
    areas = [sk.roc_auc_score(labels, rows["score"]) for labels in drawn]
    errors = [
        model.values(model.sums({**rows, "label": labels}))["gap_roc_auc_standard_error"][0]
        for labels in drawn[:2]
    ]
    assert errors[0] == pytest.approx(np.std(areas), rel=0.12)
    # The scatter that is to be expected does not depend on which labels came.
    assert errors[0] == errors[1]


def test_calibrated_chances_of_all_or_nothing_tell_no_standard_error_of_a_gap() -> None:
    model, _ = case(Task.BINARY)
    sums = model.sums(served(Task.BINARY, seed=12, rows=400))
    bins = sums["outcome_expected_bins"]
    half = bins.shape[1] // 2
    bins[:] = 0
    bins[0, :half], bins[1, half:] = 2 * ONE, 2 * ONE
    sums["outcome_expectation"][3] = 0
    values = model.values(sums)
    for key in ("gap_accuracy", "gap_roc_auc"):
        assert np.isfinite(values[key]).all()
        assert np.isnan(values[f"{key}_standard_error"]).all()


@pytest.mark.parametrize("task", TASKS)
def test_the_baseline_is_estimated_as_a_window_is(task: Task) -> None:
    model, rows = case(task)
    blocks = [
        block
        for signal in estimation.SIGNALS
        for block in signal.of_baseline(model.context, "1")
        if isinstance(block, Block)
    ]
    found = {block.metric.name: block.values for block in blocks}
    values = model.values(model.sums(rows))
    for key in ("accuracy", "precision", "recall", "f1", "roc_auc", "samples"):
        assert found[f"ml_baseline_estimated_performance_{key}"] == pytest.approx(values[key], rel=1e-12)
    # On the rows that it was fitted to an isotonic map is right on the mean, but for a pool that a cut parts.
    limit = 0.001 if task is Task.BINARY else 0.01
    assert abs(found["ml_baseline_performance_estimate_gap_accuracy"][0]) < limit


@pytest.mark.parametrize("task", TASKS)
def test_counters_hold_the_expected_counts(task: Task) -> None:
    model, _ = case(task)
    sums = model.sums(served(task, seed=7))
    (signal,) = (signal for signal in estimation.SIGNALS if signal.key == "estimation_counts")
    found = {
        block.metric.name: block.values
        for block in signal.since_start(View(model.context, "1", sums))
        if isinstance(block, Block)
    }
    values = model.values(sums)
    confusion = found["ml_estimated_confusion_total"].reshape(len(model.schema.classes), -1)
    assert confusion.sum() == ROWS
    assert np.trace(confusion) / ROWS == pytest.approx(values["accuracy"][0], rel=1e-12)
    outcomes = found["ml_estimate_outcomes_total"][0]
    gap = (found["ml_estimate_correct_total"] - found["ml_estimate_expected_correct_total"]) / outcomes
    assert gap == pytest.approx(values["gap_accuracy"], rel=1e-9)
    error = np.sqrt(found["ml_estimate_variance_total"]) / outcomes
    assert error == pytest.approx(values["gap_accuracy_standard_error"], rel=1e-9)
    if task is Task.BINARY:
        negative, positive = found["ml_estimated_score_bin_total"].reshape(2, -1)
        area = (positive * found["ml_estimated_score_below_total"]).sum() / negative.sum() / positive.sum()
        assert area == pytest.approx(values["roc_auc"][0], abs=2e-3)


def test_isotonic_regression_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(8)
    for rows, digits in ((2, 6), (300, 6), (5_000, 2), (20_000, 9)):
        scores = rng.random(rows).round(digits)
        truth = rng.random(rows) < scores**2
        at = np.concatenate((rng.uniform(-0.1, 1.1, 2_000), scores))
        oracle = IsotonicRegression(out_of_bounds="clip").fit(scores, truth).predict(at)
        assert isotonic(scores, truth)(at) == pytest.approx(oracle, abs=1e-12)


def test_without_enough_labels_there_is_no_calibration_and_the_reason_is_told() -> None:
    rows = served(Task.BINARY, seed=9, rows=LEAST - 1)
    model = Case(Task.BINARY, rows)
    assert model.document.calibration is None
    view = View(model.context, "1", model.sums(rows), "1h")
    samples = [sample for signal in estimation.SIGNALS for sample in signal.over_window(view)]
    assert {sample.reason for sample in samples if isinstance(sample, NoData)} == {"no_baseline"}
    assert not [sample for sample in samples if isinstance(sample, Block)]


def test_the_estimated_area_has_the_standard_error_of_as_many_labels() -> None:
    """Hanley's and McNeil's, against the spread of the area over 200 windows of labels."""
    model, _ = case(Task.BINARY)
    areas, errors = [], []
    for seed in range(200):
        rows = served(Task.BINARY, seed=500 + seed, rows=400)
        areas.append(sk.roc_auc_score(rows["label"], rows["score"]))
        errors.append(model.values(model.sums(rows, labelled=False))["roc_auc_standard_error"][0])
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.15)


def test_predictions_without_scores_are_no_estimate() -> None:
    model = Model(Task.BINARY)
    rows = workload.table(500, seed=1)
    rows["score"] = np.full(500, np.nan)
    view = View(model.context, "1", model.sums(rows), "1h")
    reasons = {
        sample.signal: sample.reason
        for signal in estimation.SIGNALS
        for sample in signal.over_window(view)
        if isinstance(sample, NoData)
    }
    assert reasons["estimated_accuracy"] == reasons["estimated_roc_auc"] == "no_scores"


RECORDED = Path(__file__).parents[2] / "golden/nannyml.json"
"""What NannyML 0.13.1 gives for these rows: its dependencies are too many to install it for every run of tests."""


def of_nannyml(task: Task) -> tuple[workload.Table, workload.Table]:
    """Return the rows of the reference and those that are estimated."""
    return case(task)[1], served(task, seed=10, shift=0.4)


@pytest.mark.parametrize("task", TASKS)
def test_estimates_are_those_of_nannyml(task: Task) -> None:
    """It decides by a split whether to calibrate; these scores are so far from probabilities that it does."""
    model, _ = case(task)
    oracle = json.loads(RECORDED.read_text())[task.value]
    sums = model.sums(of_nannyml(task)[1], labelled=False)
    values = model.values(sums)
    assert values["accuracy"][0] == pytest.approx(oracle["accuracy"], abs=1e-6)
    assert values["roc_auc"][0] == pytest.approx(oracle["roc_auc"], abs=bound_of(sums))
    for key in ("precision", "recall", "f1"):
        own = values[key][1] if task is Task.BINARY else values[key].mean()
        assert own == pytest.approx(oracle[key], abs=1e-6)


@pytest.mark.parametrize("task", TASKS)
def test_what_is_recorded_is_what_nannyml_gives(task: Task, tmp_path: Path, update_golden: bool) -> None:
    python = python_of("nannyml")
    if not python.exists():
        pytest.skip("NannyML is not in .tools/rivals: `make bench-peers` installs it there")
    for name, table in zip(("reference", "analysis"), of_nannyml(task), strict=True):
        columns = {key: values for key, values in table.items() if name == "reference" or key != "label"}
        if task is Task.BINARY:
            columns["prediction"] = predicted_of(task, table)
        texts = {key: values.astype(str) for key, values in columns.items() if values.dtype == object}
        np.savez(tmp_path / f"{name}.npz", **(columns | texts))
    script = Path(__file__).parents[3] / "benchmarks/rivals/estimates.py"
    problem = f"classification_{task.value.partition('_')[0]}"
    done = subprocess.run(
        [python, script, problem, tmp_path / "reference.npz", tmp_path / "analysis.npz"],
        capture_output=True,
        text=True,
        env={**os.environ, "NML_DISABLE_USAGE_LOGGING": "1", "PYTHONPATH": ""},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    oracle = json.loads(done.stdout.splitlines()[-1])
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    if update_golden:
        recorded[task.value] = oracle
        RECORDED.write_text(json.dumps(recorded, indent=2) + "\n")
    assert recorded[task.value] == pytest.approx(oracle, abs=1e-6)
