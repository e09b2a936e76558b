"""What the best constant answer reaches, against scikit-learn and against every constant tried on the raw rows."""

from collections.abc import Callable

import numpy as np
import pytest
import sklearn.metrics as sk

from ml_exporter.baseline.fit import fit
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.reference import reference_of
from ml_exporter.baseline.schema import schema_of
from ml_exporter.core.columns import OutcomeColumns
from ml_exporter.core.metrics import Block, NoData
from ml_exporter.core.schema import Task
from ml_exporter.signals import performance
from ml_exporter.signals.performance import constant_top_k_accuracy
from ml_exporter.signals.signal import NO_BASELINE, ModelContext, View
from support import workload
from support.models import Model, chunk_of, tallies_of
from support.performance import found

ROWS = 4_000
BY_LABELS = ("constant_mae", "constant_mape", "constant_wape", "constant_smape")


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_of_all_constant_classes_the_best_is_told(task: Task) -> None:
    model = Model(task)
    columns = workload.table(ROWS, seed=51, task=task)
    values = found(model, model.sums(columns))
    label, names = columns["label"].astype(str), model.schema.classes
    answers = [np.full(ROWS, name) for name in names]
    for average in ("macro", "weighted"):
        best = max(sk.f1_score(label, answer, average=average, zero_division=0) for answer in answers)
        assert values[f"constant_f1_{average}"][0] == pytest.approx(best, abs=1e-12)
    for place, answer in enumerate(answers):
        for key, score in (("precision", sk.precision_score), ("f1", sk.f1_score)):
            own = score(label, answer, average=None, labels=names, zero_division=0)[place]
            assert values[f"constant_{key}"][place] == pytest.approx(own, abs=1e-12)


def test_a_class_that_no_label_named_has_no_part_in_the_constant_macro_f1() -> None:
    model = Model(Task.MULTICLASS, minimum=1)
    sums = model.tallies.zero()
    sums["confusion"][:2] = [[5, 3, 1], [1, 8, 2]]
    label = np.repeat([0, 1], [9, 11])
    values = found(model, sums)
    expected = sk.f1_score(label, np.ones(20), average="macro", zero_division=0)
    assert values["constant_f1_macro"][0] == pytest.approx(expected, abs=1e-12)
    assert values["constant_precision"].tolist() == [0.45, 0.55, 0.0]


def test_one_score_for_all_events_has_the_average_precision_of_scikit_learn() -> None:
    model = Model(Task.MULTICLASS)
    columns = workload.table(ROWS, seed=52, task=Task.MULTICLASS)
    truth = columns["label"].astype(str)[:, None] == np.array(model.schema.classes)
    expected = sk.average_precision_score(truth, np.full(truth.shape, 0.5), average="weighted")
    values = found(model, model.sums(columns))
    assert values["constant_average_precision_weighted"][0] == pytest.approx(expected, abs=1e-12)


def test_the_most_frequent_classes_have_the_top_k_accuracy_of_scikit_learn() -> None:
    label = np.random.default_rng(1).choice(7, 500, p=[0.05, 0.3, 0.1, 0.2, 0.15, 0.15, 0.05])
    counts = np.bincount(label, minlength=7)
    scores = np.tile(counts + np.linspace(0, 1e-9, 7), (500, 1))
    expected = [sk.top_k_accuracy_score(label, scores, k=k, labels=range(7)) for k in (3, 5)]
    assert constant_top_k_accuracy.constant_top_k_accuracy(counts, (3, 5)).tolist() == pytest.approx(expected)


def of_labels(label: np.ndarray, model: Model) -> dict[str, np.ndarray]:
    sums = model.tallies.zero()
    none = np.full(len(label), -1, np.int32)
    model.tallies.add_outcomes(OutcomeColumns(label + 1.0, none, None, label, np.zeros(len(label))), sums)
    return found(model, sums)


def best(label: np.ndarray) -> dict[str, float]:
    """Return the least error of any constant; each of the four is least at one of the labels, sMAPE nearly so."""
    tried = np.unique(np.append(label, 0.0))[:, None]
    error = np.abs(label - tried)
    size = np.abs(label) + np.abs(tried)
    some = label != 0
    return {
        "constant_mae": error.mean(axis=1).min(),
        "constant_wape": error.sum(axis=1).min() / np.abs(label).sum(),
        "constant_mape": (error[:, some] / np.abs(label[some])).mean(axis=1).min(),
        "constant_smape": (2 * error / np.where(size > 0, size, 1)).mean(axis=1).min(),
    }


LABELS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "as the baseline": lambda rng: rng.normal(0, 1, 1_500),
    "moved": lambda rng: rng.normal(40.0, 5.0, 1_500),
    "skewed": lambda rng: rng.lognormal(2.0, 1.2, 1_500),
    "skewed below 0": lambda rng: -rng.lognormal(3.0, 0.8, 1_500),
    "counts": lambda rng: rng.poisson(2.5, 1_500).astype(float),
    "mostly 0": lambda rng: np.where(rng.random(1_500) < 0.7, 0.0, rng.gamma(2.0, 10.0, 1_500)),
    "one value": lambda rng: np.full(1_500, 12.5),
}
CLOSE: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "in one bin": lambda rng: rng.normal(40.0, 0.1, 1_500),
    "in a bin below 0": lambda rng: rng.normal(-90.0, 0.5, 1_500),
    "in two bins": lambda rng: rng.normal(100.0, 2.0, 1_500),
    "in a few": lambda rng: rng.normal(300.0, 10.0, 1_500),
    "alike": lambda rng: rng.uniform(700.0, 701.0, 1_500),
}
"""Labels that lie closer together than the ends of the bins so far from 0 and from the baseline."""


@pytest.mark.parametrize("kind", LABELS)
def test_of_all_constant_values_the_best_is_told(kind: str) -> None:
    label = LABELS[kind](np.random.default_rng(6))
    values = of_labels(label, Model(Task.REGRESSION))
    for key, least in best(label).items():
        assert values[key][0] == pytest.approx(least, rel=0.05), key


@pytest.mark.parametrize("kind", CLOSE)
def test_labels_that_lie_close_together_are_told_by_their_standard_deviation(kind: str) -> None:
    """It is a quarter above the mean distance from the median of normal ones, and a seventh of uniform ones."""
    label = CLOSE[kind](np.random.default_rng(6))
    values = of_labels(label, Model(Task.REGRESSION))
    assert values["constant_mae"][0] <= label.std() * (1 + 1e-9)
    for key, least in best(label).items():
        most = 1.26 if key in ("constant_mae", "constant_wape") else 1.5
        assert 0.97 * least < values[key][0] < most * least, key


@pytest.mark.parametrize("places", [(0.0, 1e7), (1e9, 1.0), (-1e6, 1e3)])
def test_of_labels_beyond_the_bins_the_standard_deviation_is_known(places: tuple[float, float]) -> None:
    label = np.random.default_rng(7).normal(*places, 500)
    values = of_labels(label, Model(Task.REGRESSION))
    least = best(label)
    assert 0.999 * least["constant_mae"] <= values["constant_mae"][0] <= label.std() * (1 + 1e-9)
    assert 0.999 * least["constant_wape"] <= values["constant_wape"][0] <= 1.0
    assert "constant_mape" not in values
    assert "constant_smape" not in values


def test_few_labels_beyond_the_bins_leave_relative_errors_known() -> None:
    rng = np.random.default_rng(8)
    label = np.where(rng.random(1_500) < 0.03, 1e6, rng.lognormal(2.0, 1.0, 1_500))
    values, least = of_labels(label, Model(Task.REGRESSION)), best(label)
    for key in ("constant_mape", "constant_smape"):
        assert values[key][0] == pytest.approx(least[key], rel=0.025), key


def test_labels_are_told_apart_by_their_own_standard_deviation() -> None:
    """Those of a weak model spread far wider than its predictions."""
    rng = np.random.default_rng(9)
    label = rng.normal(5_000.0, 1_000.0, 4_000)
    shown = of_baseline(label, rng.normal(4_950.0, 1.0, 4_000))
    for key, least in best(label).items():
        assert shown[key][0] == pytest.approx(least, rel=0.02), key


def test_a_sentinel_in_the_baseline_blurs_no_label() -> None:
    label = np.random.default_rng(15).normal(50.0, 5.0, 4_000)
    label[0] = 1e9
    shown = of_baseline(label, label)
    for key, least in best(label).items():
        if key in ("constant_mape", "constant_smape"):
            assert shown[key][0] == pytest.approx(least, rel=0.1), key


def test_labels_too_near_to_0_have_no_relative_error() -> None:
    values = of_labels(np.random.default_rng(16).normal(0.0, 1e-4, 500), Model(Task.REGRESSION))
    assert "constant_mape" not in values
    assert "constant_smape" not in values
    assert values["constant_mae"][0] == pytest.approx(0.8e-4, rel=0.3)


def of_baseline(label: np.ndarray, prediction: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is shown of a baseline of these labels and predictions."""
    options = FitOptions(Task.REGRESSION, label="label", prediction="prediction")
    rows = {"x": np.random.default_rng(1).random(len(label)), "label": label, "prediction": prediction}
    document = fit(
        lambda: iter([chunk_of(rows)]), options, tallies_of, lambda *known: {}, (), source="rows", created=1.0
    ).document
    schema, problems = schema_of("model", Task.REGRESSION, document, {})
    assert not problems
    context = ModelContext(reference_of(schema, tallies_of(schema), document), 100)
    return {
        block.metric.name.removeprefix("ml_baseline_performance_"): block.values
        for signal in performance.SIGNALS
        for block in signal.of_baseline(context, "1")
        if isinstance(block, Block)
    }


def test_labels_of_zero_alone_have_no_share_of_an_error() -> None:
    values = of_labels(np.zeros(200), Model(Task.REGRESSION))
    assert values["constant_mae"].tolist() == values["constant_smape"].tolist() == [0.0]
    assert "constant_wape" not in values
    assert "constant_mape" not in values


def test_without_a_baseline_labels_have_no_bins() -> None:
    model = Model(Task.REGRESSION)
    schema, _ = schema_of("model", Task.REGRESSION, None, {})
    model.schema, model.tallies = schema, tallies_of(schema)
    sums = model.tallies.zero()
    none = np.full(500, -1, np.int32)
    model.tallies.add_outcomes(OutcomeColumns(np.ones(500), none, None, np.zeros(500), np.zeros(500)), sums)
    context = type(model.context)(type(model.reference)(schema, model.tallies.zero()), 100)
    for signal in performance.SIGNALS:
        if signal.key in BY_LABELS:
            told = list(signal.over_window(View(context, "1", sums, "1h")))
            assert told == [NoData(("model", "1", "1h"), signal.key, NO_BASELINE)]
