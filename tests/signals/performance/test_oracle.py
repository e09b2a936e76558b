"""Performance against scikit-learn on the raw rows, plain and over windows."""

import numpy as np
import pytest
import sklearn.metrics as sk
from sklearn.dummy import DummyClassifier

from ml_exporter.core.columns import OutcomeColumns
from ml_exporter.core.metrics import Block, NoData
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.signals import performance
from ml_exporter.signals.performance.outcomes import Outcomes
from ml_exporter.signals.signal import UNDEFINED, View
from ml_exporter.state.ring import Ring, Window
from support import workload
from support.models import Model, tallies_of
from support.performance import found

ROWS = 4_000


def ece(scores: np.ndarray, hits: np.ndarray) -> float:
    tenth = np.minimum((scores * 10).astype(int), 9)
    gaps = [abs(hits[tenth == k].sum() - scores[tenth == k].sum()) for k in range(10)]
    return float(sum(gaps) / len(scores))


def check_binary(columns: workload.Table, values: dict[str, np.ndarray]) -> None:
    score, label = columns["score"], columns["label"]
    predicted = score >= 0.5
    assert values["accuracy"][0] == pytest.approx(sk.accuracy_score(label, predicted), abs=1e-12)
    for key, function in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        expected = function(label, predicted, average=None)
        assert values[key] == pytest.approx(expected, abs=1e-12)
    assert values["log_loss"][0] == pytest.approx(sk.log_loss(label, score), abs=1e-7)
    assert values["brier"][0] == pytest.approx(sk.brier_score_loss(label, score), abs=1e-8)
    assert values["expected_calibration_error"][0] == pytest.approx(ece(score, label), abs=1e-8)
    assert values["samples"][0] == len(label)


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_the_best_constant_is_that_of_scikit_learn(task: Task) -> None:
    model = Model(task)
    columns = workload.table(ROWS, seed=24, task=task)
    rows, label = np.zeros((ROWS, 1)), columns["label"].astype(str)
    constant = DummyClassifier(strategy="most_frequent").fit(rows, label).score(rows, label)
    assert found(model, model.sums(columns))["constant_accuracy"][0] == pytest.approx(constant, abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_binary_equals_scikit_learn(shift: float) -> None:
    model = Model(Task.BINARY)
    columns = workload.table(ROWS, seed=21, shift=shift)
    sums = model.sums(columns)
    values = found(model, sums)
    check_binary(columns, values)
    negative, positive = sums["score_bins"]
    bound = (negative * positive).sum() / (2 * negative.sum() * positive.sum())
    exact = sk.roc_auc_score(columns["label"], columns["score"])
    assert abs(values["roc_auc"][0] - exact) <= bound
    assert bound < 0.004
    assert values["roc_auc"][0] == pytest.approx(exact, abs=5e-4)


def test_multiclass_equals_scikit_learn() -> None:
    model = Model(Task.MULTICLASS)
    columns = workload.table(ROWS, seed=22, task=Task.MULTICLASS)
    values = found(model, model.sums(columns))
    label, predicted = columns["label"].astype(str), columns["prediction"].astype(str)
    classes = list(model.schema.classes)
    scores = np.array([columns[f"score:{name}"] for name in classes]).T
    assert values["accuracy"][0] == pytest.approx(sk.accuracy_score(label, predicted), abs=1e-12)
    for key, function in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        expected = function(label, predicted, average=None, labels=classes)
        assert values[key] == pytest.approx(expected, abs=1e-12)
    assert values["log_loss"][0] == pytest.approx(sk.log_loss(label, scores, labels=classes), abs=1e-6)
    truth = label[:, None] == np.array(classes)
    assert values["brier"][0] == pytest.approx(((scores - truth) ** 2).sum(axis=1).mean(), abs=1e-8)
    expected_auc = sk.roc_auc_score(label, scores, multi_class="ovr", average="macro", labels=classes)
    assert values["roc_auc"][0] == pytest.approx(expected_auc, abs=2e-3)
    top = scores.max(axis=1)
    right = np.array(classes)[scores.argmax(axis=1)] == label
    assert values["expected_calibration_error"][0] == pytest.approx(ece(top, right), abs=1e-8)


def test_regression_equals_scikit_learn() -> None:
    model = Model(Task.REGRESSION)
    columns = workload.table(ROWS, seed=23, task=Task.REGRESSION)
    columns["label"][:7] = 0.0
    values = found(model, model.sums(columns))
    label, prediction = columns["label"], columns["prediction"]
    assert values["mae"][0] == pytest.approx(sk.mean_absolute_error(label, prediction), rel=1e-12)
    assert values["rmse"][0] == pytest.approx(sk.root_mean_squared_error(label, prediction), rel=1e-12)
    assert values["r2"][0] == pytest.approx(sk.r2_score(label, prediction), abs=1e-12)
    assert values["constant_rmse"][0] == pytest.approx(label.std(), rel=1e-9)
    assert values["bias"][0] == pytest.approx((prediction - label).mean(), abs=1e-12)
    some = label != 0
    share = np.abs((prediction - label)[some] / label[some])
    assert values["mape"][0] == pytest.approx(share.mean(), rel=1e-12)


@pytest.mark.parametrize(("center", "spread"), [(0.0, 1e-12), (3e5, 8e4), (1e9, 1.0), (-1e15, 1e13), (60.0, 10.0)])
def test_a_regression_without_a_baseline_has_no_preferred_unit(center: float, spread: float) -> None:
    schema = ModelSchema("model", Task.REGRESSION)
    tallies = tallies_of(schema)
    rng = np.random.default_rng(5)
    label = rng.normal(center, spread, 5_000)
    prediction = label + rng.normal(0.1 * spread, 0.3 * spread, 5_000)
    sums = tallies.zero()
    none = np.full(5_000, -1, np.int32)
    tallies.add_outcomes(OutcomeColumns(prediction, none, None, label, np.zeros(5_000)), sums)
    outcomes = Outcomes(sums, schema)
    values = {
        m.key: m.value(outcomes)[0]
        for m in performance.MEASURES
        if Task.REGRESSION in m.tasks and m.samples(outcomes)
    }
    assert values["mae"] == pytest.approx(sk.mean_absolute_error(label, prediction), rel=1e-9)
    assert values["rmse"] == pytest.approx(sk.root_mean_squared_error(label, prediction), rel=1e-9)
    assert values["bias"] == pytest.approx((prediction - label).mean(), rel=1e-9)
    assert values["mape"] == pytest.approx(np.abs((prediction - label) / label).mean(), rel=1e-9)
    assert values["r2"] == pytest.approx(sk.r2_score(label, prediction), abs=1e-7)


def test_r2_where_most_labels_are_equal() -> None:
    schema = ModelSchema("model", Task.REGRESSION)
    tallies = tallies_of(schema)
    label = np.repeat([0.0, 640.0], [9_900, 100])
    prediction = label + np.random.default_rng(6).normal(0, 5, 10_000)
    sums = tallies.zero()
    none = np.full(10_000, -1, np.int32)
    tallies.add_outcomes(OutcomeColumns(prediction, none, None, label, np.zeros(10_000)), sums)
    (measure,) = [m for m in performance.MEASURES if m.key == "r2"]
    assert measure.value(Outcomes(sums, schema))[0] == pytest.approx(sk.r2_score(label, prediction), abs=1e-9)


def test_a_class_without_a_value_is_told_beside_the_others() -> None:
    model = Model(Task.BINARY)
    columns = workload.table(500, seed=25)
    columns["score"] = np.full(500, 0.1)
    (signal,) = [s for s in performance.SIGNALS if s.key == "precision"]
    blocks = list(signal.over_window(View(model.context, "1", model.sums(columns), "1h")))
    assert [block.reason for block in blocks if isinstance(block, NoData)] == [UNDEFINED]
    values = [np.isnan(block.values).tolist() for block in blocks if isinstance(block, Block)]
    assert values == [[False, True]] * 3  # itself, and both ends of its interval


def test_windows_equal_scikit_learn_on_the_rows_they_hold() -> None:
    """Every step of a day: the window's numbers are those of the rows in its slices, and of no other."""
    model = Model(Task.BINARY, minimum=1)
    columns = workload.table(2_400, seed=24)
    columns["score"] = np.clip(columns["score"] + np.linspace(0, 0.2, 2_400), 0, 1)
    ring = Ring(Window(length=240, width=10, label="4m"), model.tallies.layout)
    for second in range(0, 600, 5):
        rows = slice(second * 4, second * 4 + 20)
        ring.add(float(second), model.sums(workload.take(columns, rows)).vector)
        oldest = (second // 10 - 23) * 10
        held = slice(max(oldest, 0) * 4, second * 4 + 20)
        if second % 45 == 0:
            check_binary(workload.take(columns, held), found(model, ring.total))


def test_few_labels_one_class_and_no_scores_are_told() -> None:
    model = Model(Task.BINARY)

    def reasons(columns: workload.Table, strip: bool = False) -> dict[str, str]:
        sums = model.tallies.zero()
        outcomes = model.outcomes(columns)
        if strip:
            outcomes.output = np.full(outcomes.rows, np.nan)
        model.tallies.add_outcomes(outcomes, sums)
        view = View(model.context, "1", sums, "1h")
        samples = [sample for signal in performance.SIGNALS for sample in signal.over_window(view)]
        return {sample.signal: sample.reason for sample in samples if isinstance(sample, NoData)}

    assert reasons(workload.table(50, seed=1))["accuracy"] == "too_few_samples"
    assert reasons(workload.table(0, seed=1))["accuracy"] == "no_labels"
    one = workload.table(500, seed=1)
    one["label"][:] = 1
    assert reasons(one)["roc_auc"] == "one_class"
    assert "accuracy" not in reasons(one)
    stripped = reasons(workload.table(500, seed=1), strip=True)
    assert stripped["roc_auc"] == stripped["log_loss"] == "no_scores"
    assert "accuracy" not in stripped


def test_a_class_that_was_never_predicted_has_no_precision() -> None:
    model = Model(Task.BINARY)
    columns = workload.table(500, seed=1)
    columns["score"][:] = 0.1
    values = found(model, model.sums(columns))
    assert np.isnan(values["precision"][1])
    assert values["recall"][1] == 0.0
