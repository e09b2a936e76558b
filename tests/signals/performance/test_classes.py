"""What follows from the confusion counts, against scikit-learn and scipy on the raw rows."""

import numpy as np
import pytest
import sklearn.metrics as sk
from scipy.stats import binomtest

from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.signals import performance
from ml_exporter.signals.performance import matthews_correlation, precision, top_k_accuracy
from ml_exporter.signals.performance.outcomes import Confusion, Outcomes
from ml_exporter.sums.classification import SCORED_CLASSES
from ml_exporter.sums.layout import Sums
from support import workload
from support.models import Model, tallies_of
from support.performance import found

ROWS = 4_000


def columns_of(task: Task) -> tuple[workload.Table, np.ndarray, np.ndarray]:
    """Return a table with its true and its predicted classes as text."""
    columns = workload.table(ROWS, seed=31, task=task, shift=0.4)
    if task is Task.BINARY:
        return columns, columns["label"].astype(str), (columns["score"] >= 0.5).astype(int).astype(str)
    return columns, columns["label"].astype(str), columns["prediction"].astype(str)


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_averages_over_classes_equal_scikit_learn(task: Task) -> None:
    model = Model(task)
    columns, label, predicted = columns_of(task)
    values = found(model, model.sums(columns))
    assert values["balanced_accuracy"][0] == pytest.approx(sk.balanced_accuracy_score(label, predicted), abs=1e-12)
    recalls = [(predicted == name)[label == name] for name in model.schema.classes]
    error = np.sqrt(sum(hit.var() / len(hit) for hit in recalls)) / len(recalls)
    assert values["balanced_accuracy_standard_error"][0] == pytest.approx(error, rel=1e-12)
    assert values["matthews_correlation"][0] == pytest.approx(sk.matthews_corrcoef(label, predicted), abs=1e-12)
    for key, score in (("precision", sk.precision_score), ("f1", sk.f1_score)):
        for average in ("macro", "weighted"):
            expected = score(label, predicted, average=average)
            assert values[f"{key}_{average}"][0] == pytest.approx(expected, abs=1e-12)


def test_a_class_that_is_never_predicted_counts_for_no_average_of_precision() -> None:
    confusion = np.array([[5, 3, 0], [1, 8, 0], [2, 2, 0]])
    label = np.repeat([0, 0, 1, 1, 2, 2], [5, 3, 1, 8, 2, 2])
    predicted = np.repeat([0, 1, 0, 1, 0, 1], [5, 3, 1, 8, 2, 2])
    model = Model(Task.MULTICLASS, minimum=1)
    sums = model.tallies.zero()
    sums["confusion"][:] = confusion
    values = found(model, sums)
    for average in ("macro", "weighted"):
        expected = sk.precision_score(label, predicted, average=average, zero_division=np.nan)
        assert values[f"precision_{average}"][0] == pytest.approx(expected, abs=1e-12)
        # F1 has a value for that class: none of its events was found.
        expected = sk.f1_score(label, predicted, average=average, zero_division=0.0)
        assert values[f"f1_{average}"][0] == pytest.approx(expected, abs=1e-12)
    assert values["matthews_correlation"][0] == pytest.approx(sk.matthews_corrcoef(label, predicted), abs=1e-12)


@pytest.mark.parametrize("confusion", [[[5, 0], [3, 0]], [[5, 3], [0, 0]], [[7, 0], [0, 0]]])
def test_one_class_has_no_matthews_correlation(confusion: list[list[int]]) -> None:
    assert np.isnan(matthews_correlation.matthews_correlation(Confusion.of(np.array(confusion)))).all()


def test_counts_of_years_do_not_overflow_the_matthews_correlation() -> None:
    small = np.array([[8, 2], [1, 9]])
    expected = matthews_correlation.matthews_correlation(Confusion.of(small))
    large = matthews_correlation.matthews_correlation(Confusion.of(small * 10**12))
    assert large == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_intervals_of_shares_equal_those_of_scipy(task: Task) -> None:
    model = Model(task)
    columns, label, predicted = columns_of(task)
    values = found(model, model.sums(columns))
    shares = {"accuracy": [label == predicted]}
    shares["precision"] = [(label == name)[predicted == name] for name in model.schema.classes]
    shares["recall"] = [(predicted == name)[label == name] for name in model.schema.classes]
    for key, hits in shares.items():
        for place, hit in enumerate(hits):
            expected = binomtest(int(hit.sum()), len(hit)).proportion_ci(0.95, method="wilson")
            assert values[f"{key}_lower"][place] == pytest.approx(expected.low, abs=1e-9), key
            assert values[f"{key}_upper"][place] == pytest.approx(expected.high, abs=1e-9), key
    error = (label == predicted).std() / np.sqrt(ROWS)
    assert values["accuracy_standard_error"][0] == pytest.approx(error, rel=1e-12)


OF_COUNTS = (
    *("f1", "f1_macro", "f1_weighted", "precision_macro", "precision_weighted"),
    *("matthews_correlation", "balanced_accuracy"),
)


def of_confusions(counts: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the values and the standard errors of :data:`OF_COUNTS` for counts (…, classes, classes)."""
    names = tuple(map(str, range(counts.shape[-1])))
    schema = ModelSchema("model", Task.MULTICLASS, classes=names)
    layout = tallies_of(schema).zero().layout
    sums = Sums(layout, np.zeros((*counts.shape[:-2], layout.size), np.int64))
    sums["confusion"][:] = counts
    outcomes = Outcomes(sums, schema)
    measures = {measure.key: measure for measure in performance.MEASURES}
    shown = {}
    for key in OF_COUNTS:
        error, values = measures[key].standard_error, measures[key].value(outcomes)
        assert error is not None
        shown[key] = values, error(values, outcomes)
    return shown


# The third class is hardly ever told from the first, so that averages by labels and by classes differ.
@pytest.mark.parametrize("cells", [[[30, 6, 4], [5, 20, 5], [8, 2, 20]], [[60, 2, 3], [9, 14, 1], [7, 1, 3]]])
def test_what_follows_from_counts_varies_by_its_standard_error(cells: list[list[int]]) -> None:
    """Against its spread over 4,000 samples."""
    shares = np.array(cells) / 100
    counts = np.random.default_rng(3).multinomial(600, shares.ravel(), size=4_000).reshape(-1, 3, 3)
    for key, (values, errors) in of_confusions(counts).items():
        assert errors.mean(axis=0) == pytest.approx(values.std(axis=0), rel=0.06), key


def test_counts_of_years_do_not_overflow_a_standard_error() -> None:
    counts = np.array([[30, 6, 4], [5, 20, 5], [8, 2, 20]])
    few, many = of_confusions(counts), of_confusions(counts * 10**12)
    for key, (_, errors) in many.items():
        assert errors * 1e6 == pytest.approx(few[key][1], rel=1e-9), key


@pytest.mark.parametrize("key", sorted({*OF_COUNTS} - {"balanced_accuracy"}))
def test_a_class_that_no_event_touched_changes_no_standard_error(key: str) -> None:
    counts = np.array([[30, 6, 0], [5, 20, 0], [0, 0, 0]])
    values, errors = of_confusions(counts)[key]
    fewer, as_before = of_confusions(counts[:2, :2])[key]
    assert values[:2] == pytest.approx(fewer, rel=1e-12)
    assert errors[:2] == pytest.approx(as_before, rel=1e-12)


@pytest.mark.parametrize("counts", [np.diag([30, 20, 5]), np.roll(np.diag([30, 20, 5]), 1, axis=1)])
def test_counts_that_are_all_right_or_all_wrong_tell_no_standard_error(counts: np.ndarray) -> None:
    for key, (_, errors) in of_confusions(counts).items():
        assert key == "balanced_accuracy" or np.isnan(errors).all(), key


def test_many_classes_have_no_intervals_of_their_own() -> None:
    confusion = np.eye(SCORED_CLASSES + 1, dtype=np.int64) * 50
    assert precision.MEASURE.interval is not None
    schema = ModelSchema("model", Task.MULTICLASS, classes=tuple(map(str, range(len(confusion)))))
    sums = tallies_of(schema).zero()
    sums["confusion"][:] = confusion
    for end in precision.MEASURE.interval(Outcomes(sums, schema)):
        assert np.isnan(end).all()


@pytest.mark.parametrize("digits", [1, 9])
@pytest.mark.parametrize(("classes", "ks"), [(4, (3,)), (8, (3, 5))])
def test_the_accuracy_of_the_highest_scores_equals_scikit_learn(
    classes: int, ks: tuple[int, ...], digits: int
) -> None:
    """With one digit many scores are tied."""
    names = tuple("abcdefgh"[:classes])
    schema = ModelSchema("model", Task.MULTICLASS, classes=names)
    tallies, sums = tallies_of(schema), tallies_of(schema).zero()
    rng = np.random.default_rng(7)
    label = rng.integers(0, classes, ROWS)
    scores = rng.dirichlet(np.ones(classes), ROWS)
    scores[np.arange(ROWS), label] += 0.05
    scores = np.round(scores, digits)
    batch = Model(Task.MULTICLASS).outcomes(workload.table(ROWS, seed=1, task=Task.MULTICLASS))
    batch.class_scores, batch.label, batch.predicted = scores.T.copy(), label.astype(float), batch.predicted * 0
    tallies.add_outcomes(batch, sums)
    values = top_k_accuracy.MEASURE.value(Outcomes(sums, schema))
    expected = [sk.top_k_accuracy_score(label, scores, k=k, labels=range(classes)) for k in ks]
    assert values.tolist() == pytest.approx(expected, abs=1e-12)
    assert top_k_accuracy.MEASURE.interval is not None
    ends = np.array(top_k_accuracy.MEASURE.interval(Outcomes(sums, schema))).T
    for share, shown in zip(expected, ends, strict=True):
        interval = binomtest(round(share * ROWS), ROWS).proportion_ci(0.95, method="wilson")
        assert shown.tolist() == pytest.approx([interval.low, interval.high], abs=1e-9)


def test_three_classes_have_no_accuracy_of_the_three_highest() -> None:
    model = Model(Task.MULTICLASS)
    columns, _, _ = columns_of(Task.MULTICLASS)
    assert "top_k_accuracy" not in found(model, model.sums(columns))


def test_classes_that_one_window_lacks_change_no_number_of_another() -> None:
    schema = ModelSchema("model", Task.MULTICLASS, classes=tuple("abcdefghijklmnop"))
    rng = np.random.default_rng(8)
    windows = []
    for lacking in (0, 0, 1, 5, 16):
        sums = tallies_of(schema).zero()
        for name in ("confusion", "class_score_bins"):
            sums[name][:] = rng.poisson(3, sums[name].shape)
            sums[name][:lacking] = 0
        sums["confusion"][:, :lacking] = 0
        windows.append(sums)
    together = Outcomes(Sums(windows[0].layout, np.array([sums.vector for sums in windows])), schema)
    for measure in performance.MEASURES:
        if Task.MULTICLASS in measure.tasks:
            values = measure.value(together)
            ends = measure.interval(together) if measure.interval else (values, values)
            for place, sums in enumerate(windows):
                alone = Outcomes(sums, schema)
                assert np.array_equal(values[place], measure.value(alone), equal_nan=True), measure.key
                if measure.interval:
                    for end, own in zip(ends, measure.interval(alone), strict=True):
                        assert np.array_equal(end[place], own, equal_nan=True), measure.key
