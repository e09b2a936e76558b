"""What follows from the scores, against scikit-learn and numpy on the raw rows."""

from types import ModuleType

import numpy as np
import pytest
import sklearn.metrics as sk
from sklearn.dummy import DummyClassifier

from ml_exporter.core.schema import Task
from ml_exporter.signals.performance import average_precision, roc_auc
from ml_exporter.signals.performance.outcomes import Scores
from support import workload
from support.models import Model
from support.performance import found

ROWS = 4_000


def ends(bins: np.ndarray) -> tuple[float, float]:
    """Return what the average precision of any scores with these bins lies between, as its docstring says."""
    negative, positive = bins
    low = high = 0.0
    for b in range(bins.shape[1]):
        above, negatives = positive[b + 1 :].sum(), negative[b:].sum()
        inside = above + np.arange(1, positive[b] + 1)
        low += (inside / (inside + negatives)).sum()
        high += positive[b] * (above + positive[b]) / max(above + positive[b] + negatives - negative[b], 1)
    return low / positive.sum(), high / positive.sum()


@pytest.mark.parametrize("rare", [1.0, 0.05])
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_average_precision_is_that_of_scikit_learn_within_its_bound(shift: float, rare: float) -> None:
    model = Model(Task.BINARY)
    columns = workload.table(20_000, seed=32, shift=shift)
    kept = (columns["label"] == 0) | (np.random.default_rng(4).random(20_000) < rare)
    columns = workload.take(columns, kept)
    sums = model.sums(columns)
    value = found(model, sums)["average_precision"][0]
    exact = sk.average_precision_score(columns["label"], columns["score"])
    low, high = ends(sums["score_bins"])
    assert low <= exact <= high
    assert low <= value <= high
    assert high - low < 0.05
    assert value == pytest.approx(exact, abs=7e-3)


def test_a_class_that_is_rare_is_ranked_by_its_low_scores() -> None:
    model = Model(Task.MULTICLASS)
    rng = np.random.default_rng(14)
    names, rows = list(model.schema.classes), 20_000
    rare = np.minimum(10 ** rng.normal(-3.0, 0.5, rows), 0.0095)
    split = rng.random(rows)
    scores = np.array([(1 - rare) * split, (1 - rare) * (1 - split), rare])
    label = np.where(rng.random(rows) < rare * 3, 2, (rng.random(rows) > split).astype(int))
    columns = workload.table(rows, seed=39, task=Task.MULTICLASS)
    columns["label"] = np.array(names, object)[label]
    columns |= {f"score:{name}": row for name, row in zip(names, scores, strict=True)}
    values = found(model, model.sums(columns))
    exact = sk.roc_auc_score(label == 2, rare)
    assert exact > 0.7
    assert values["class_roc_auc"][2] == pytest.approx(exact, abs=0.015)
    exact = sk.average_precision_score(label == 2, rare)
    assert values["class_average_precision"][2] == pytest.approx(exact, rel=0.15)


def test_average_precision_of_a_few_distinct_scores_is_exact() -> None:
    model = Model(Task.BINARY)
    columns = workload.table(ROWS, seed=36)
    columns["score"] = np.round(columns["score"], 1)
    exact = sk.average_precision_score(columns["label"], columns["score"])
    assert found(model, model.sums(columns))["average_precision"][0] == pytest.approx(exact, abs=1e-12)


def test_the_scores_of_each_class_and_their_averages_are_those_of_scikit_learn() -> None:
    model = Model(Task.MULTICLASS)
    columns = workload.table(ROWS, seed=33, task=Task.MULTICLASS)
    classes = list(model.schema.classes)
    truth = columns["label"].astype(str)[:, None] == np.array(classes)
    scores = np.array([columns[f"score:{name}"] for name in classes]).T
    values = found(model, model.sums(columns))
    for key, score in (("average_precision", sk.average_precision_score), ("roc_auc", sk.roc_auc_score)):
        for shown, average in ((key, "macro"), (f"{key}_weighted", "weighted"), (f"class_{key}", None)):
            assert values[shown] == pytest.approx(score(truth, scores, average=average), abs=5e-3), shown


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_the_best_constant_scores_are_those_of_scikit_learn(task: Task) -> None:
    model = Model(task)
    columns = workload.table(ROWS, seed=34, task=task)
    label = columns["label"].astype(str)
    constant = DummyClassifier(strategy="prior").fit(np.zeros((ROWS, 1)), label)
    scores = constant.predict_proba(np.zeros((ROWS, 1)))
    values = found(model, model.sums(columns))
    expected = sk.log_loss(label, scores, labels=constant.classes_)
    assert values["constant_log_loss"][0] == pytest.approx(expected, abs=1e-9)
    truth = (label[:, None] == constant.classes_)[:, task is Task.BINARY :]
    expected = sk.average_precision_score(truth, np.full(truth.shape, 0.5), average="macro")
    assert values["constant_average_precision"][0] == pytest.approx(expected, abs=1e-12)
    squares = ((scores - (label[:, None] == constant.classes_)) ** 2).sum(axis=1).mean()
    expected = squares / 2 if task is Task.BINARY else squares
    assert values["constant_brier"][0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_losses_have_the_standard_error_of_their_mean(task: Task) -> None:
    model = Model(task)
    columns = workload.table(ROWS, seed=35, task=task, shift=0.3)
    values = found(model, model.sums(columns))
    if task is Task.BINARY:
        hit = columns["label"] == 1
        own = np.where(hit, columns["score"], 1 - columns["score"])
        squares = (columns["score"] - hit) ** 2
        gap = columns["score"] - hit
        assert values["calibration_bias"][0] == pytest.approx(gap.mean(), abs=1e-8)
        assert values["calibration_bias_standard_error"][0] == pytest.approx(gap.std() / np.sqrt(ROWS), rel=1e-6)
    else:
        classes = np.array(model.schema.classes)
        scores = np.array([columns[f"score:{name}"] for name in classes]).T
        hit = columns["label"].astype(str)[:, None] == classes
        own, squares = scores[hit], ((scores - hit) ** 2).sum(axis=1)
        right = classes[scores.argmax(axis=1)] == columns["label"].astype(str)
        assert values["calibration_bias"][0] == pytest.approx((scores.max(axis=1) - right).mean(), abs=1e-8)
        assert np.isnan(values["calibration_bias_standard_error"]).all()
    error = np.log(own).std() / np.sqrt(ROWS)
    assert values["log_loss_standard_error"][0] == pytest.approx(error, rel=1e-5)
    assert values["brier_standard_error"][0] == pytest.approx(squares.std() / np.sqrt(ROWS), rel=1e-5)


def test_areas_under_curves_vary_by_their_standard_errors() -> None:
    """Against their spread over 300 samples."""
    model = Model(Task.BINARY)
    rng = np.random.default_rng(8)
    shown = []
    for _ in range(300):
        columns = workload.table(500, seed=1)
        columns["label"] = (rng.random(500) < 0.3).astype(int)
        columns["score"] = 1 / (1 + np.exp(-rng.normal(columns["label"] * 1.2, 1)))
        shown.append(found(model, model.sums(columns)))
    for key in ("roc_auc", "average_precision"):
        spread = np.std([values[key][0] for values in shown])
        assert np.mean([values[f"{key}_standard_error"][0] for values in shown]) == pytest.approx(spread, rel=0.15)


def test_areas_of_each_class_vary_by_their_standard_errors() -> None:
    """Against their spread over 400 samples of events by class and bin."""
    model = Model(Task.MULTICLASS)
    bins = model.tallies.zero()["class_score_bins"].shape[-1]
    rng = np.random.default_rng(9)
    chances = rng.dirichlet(np.ones(2 * bins), 3).reshape(3, 2, bins)
    chances[:, 1] *= np.linspace(0.0, [[0.2], [0.6], [2.0]], bins, axis=1)[..., 0]
    chances /= chances.sum(axis=(1, 2), keepdims=True)
    counts = np.array([rng.multinomial(600, chance.ravel(), size=400) for chance in chances])
    scores = Scores.of(counts.reshape(3, 400, 2, bins))
    for value, error_of in (
        (average_precision.average_precision, average_precision.error_of),
        (roc_auc.roc_auc, roc_auc.error_of),
    ):
        values = value(scores)
        assert error_of(values, scores).mean(axis=1) == pytest.approx(values.std(axis=1), rel=0.12)
    columns = workload.table(ROWS, seed=38, task=Task.MULTICLASS)
    shown = found(model, sums := model.sums(columns))
    own = Scores.of(sums["class_score_bins"])
    for module in (average_precision, roc_auc):
        key = f"class_{module.MEASURE.key}"
        assert shown[f"{key}_standard_error"].tolist() == module.error_of(shown[key], own).tolist()


@pytest.mark.parametrize("module", [average_precision, roc_auc])
def test_counts_of_years_do_not_overflow_a_standard_error(module: ModuleType) -> None:
    bins = np.random.default_rng(10).poisson(5, (2, 200))
    bins[1] += np.arange(200) // 20
    few, many = Scores.of(bins), Scores.of(bins * 10**10)
    value = getattr(module, module.MEASURE.key)
    error = module.error_of(value(many), many)
    # Of an area a variance is divided by one less than the number, of an average precision by the number.
    assert error * 1e5 == pytest.approx(module.error_of(value(few), few), rel=1e-3)


def test_a_single_positive_tells_no_standard_error() -> None:
    bins = np.array([[[50, 40, 10], [0, 1, 0]], [[50, 40, 10], [0, 1, 1]]])
    scores = Scores.of(bins)
    for module, value in ((average_precision, average_precision.average_precision), (roc_auc, roc_auc.roc_auc)):
        assert np.isnan(module.error_of(value(scores), scores)).tolist() == [True, False]


@pytest.mark.parametrize("places", [(0, 1), (1, 0)])
def test_scores_that_part_the_classes_tell_no_standard_error_of_average_precision(places: tuple[int, int]) -> None:
    bins = np.zeros((2, 2), np.int64)
    bins[[0, 1], places] = 30, 20
    scores = Scores.of(bins)
    error = average_precision.error_of(average_precision.average_precision(scores), scores)
    assert np.isnan(error) == (places == (0, 1))
