"""The calibration shift: the definition on the raw rows, its noise, and what it must and must not see."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ml_exporter.core.metrics import NoData
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.calibration_shift import SIGNAL, calibration_shift
from ml_exporter.signals.performance.expected_calibration_error import Tenths
from ml_exporter.signals.signal import NO_BASELINE, View
from support import workload
from support.models import BASELINE_ROWS, Model
from support.performance import found


def gaps(columns: workload.Table) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean score less the observed share of each tenth, and its outcomes."""
    tenth = np.minimum((columns["score"] * 10).astype(int), 9)
    counts = np.bincount(tenth, minlength=10)
    return np.bincount(tenth, columns["score"] - columns["label"], minlength=10) / counts, counts


@pytest.mark.parametrize("power", [1.0, 1.6])
def test_it_follows_its_formula_on_the_rows(power: float) -> None:
    model = Model()
    columns = workload.table(4_000, seed=51)
    columns["score"] = columns["score"] ** power
    values = found(model, model.sums(columns))
    (now, counts), (before, _) = gaps(columns), gaps(workload.table(BASELINE_ROWS, seed=1))
    change, weight = now - before, counts / counts.sum()
    assert values["calibration_shift"][0] == pytest.approx(weight @ np.abs(change), abs=1e-7)
    assert values["calibration_shift_bias"][0] == pytest.approx(weight @ change, abs=1e-7)
    beyond = values["calibration_shift"][0] > values["calibration_shift_noise_floor"][0]
    assert beyond == (power != 1.0)
    # A score to a power above 1 is too low.
    assert power == 1.0 or values["calibration_shift_bias"][0] < -0.05


@pytest.mark.parametrize("rows", [100, 1_000, 20_000])
@pytest.mark.parametrize("calibrated", [True, False])
def test_without_a_shift_one_window_in_a_thousand_lies_above_the_noise_floor(rows: int, calibrated: bool) -> None:
    """Of 4,000 pairs of a window and a baseline, with scores that are right and with such that never were."""
    rng = np.random.default_rng(6)
    shares = rng.dirichlet(np.full(10, 1.5))
    centers = np.arange(0.05, 1, 0.1)
    truth = centers if calibrated else np.clip(centers * 0.6, 0, 1)

    def side(size: int) -> Tenths:
        counts = rng.multinomial(size, shares)
        return Tenths(counts, rng.binomial(counts, truth), counts * centers)

    drawn = [calibration_shift(side(rows), side(5_000)) for _ in range(4_000)]
    above = np.mean([shift > floor for shift, floor, _ in drawn])
    assert above <= 0.002
    # The floor is no wall either: nine of ten windows come to a quarter of it.
    assert np.mean([shift > floor / 4 for shift, floor, _ in drawn]) > 0.9


@pytest.mark.parametrize("tenths", range(1, 11))
def test_the_noise_floor_is_hardly_above_the_quantile_of_the_gamma_distribution(tenths: int) -> None:
    rng = np.random.default_rng(tenths)
    counts, before = np.zeros((2, 10), np.int64)
    for side, size in ((counts, 400), (before, 5_000)):
        side[:tenths] = 1 + rng.multinomial(size, rng.dirichlet(np.full(tenths, 2.0)))
    hits, hits_before = rng.binomial(counts, 0.4), rng.binomial(before, 0.4)
    _, floor, _ = calibration_shift(Tenths(counts, hits, counts * 0.4), Tenths(before, hits_before, before * 0.4))
    used = counts > 0
    share = ((hits + hits_before + 1) / (counts + before + 2))[used]
    variance = share * (1 - share) * (1 / counts[used] + 1 / before[used])
    folded = stats.foldnorm(0, scale=np.sqrt(variance))
    weight = counts[used] / counts.sum()
    mean, spread = weight @ folded.mean(), weight**2 @ folded.var()
    quantile = stats.gamma(mean**2 / spread, scale=spread / mean).ppf(0.999)
    assert 1.001 < floor / quantile < 1.016


def test_ranks_may_stand_while_the_calibration_shifts() -> None:
    """Twice as many positives at each score: ROC AUC does not see it."""
    model = Model()
    columns = workload.table(8_000, seed=52)
    before = found(model, model.sums(columns))
    kept = (columns["label"] == 1) | (np.random.default_rng(7).random(8_000) < 0.5)
    after = found(model, model.sums(workload.take(columns, kept)))
    assert after["roc_auc"][0] == pytest.approx(before["roc_auc"][0], abs=0.01)
    assert after["calibration_shift"][0] > 2 * after["calibration_shift_noise_floor"][0]
    assert after["calibration_shift_bias"][0] < -0.1


def test_a_baseline_without_scores_is_told() -> None:
    model = Model(Task.MULTICLASS)
    for block in ("class_score_bins", "class_score_loss"):
        model.reference.sums[block][:] = 0
    sums = model.sums(workload.table(500, seed=2, task=Task.MULTICLASS))
    assert list(SIGNAL.over_window(View(model.context, "1", sums, "1h"))) == [
        NoData(("model", "1", "1h"), "calibration_shift", NO_BASELINE)
    ]
