"""Errors of a regression, against numpy and scikit-learn on the raw rows."""

import numpy as np
import pytest
import sklearn.metrics as sk
from scipy.stats import norm

from ml_exporter.baseline.schema import schema_of
from ml_exporter.core.columns import OutcomeColumns
from ml_exporter.core.metrics import NoData
from ml_exporter.core.schema import Task
from ml_exporter.signals import performance
from ml_exporter.signals.performance.residual_quantile import MEASURE, QUANTILES
from ml_exporter.signals.signal import NO_BASELINE, View
from ml_exporter.sums.layout import Sums
from ml_exporter.sums.residuals import PER_OCTAVE, residual_edges
from support import workload
from support.models import Model, tallies_of
from support.performance import found

ROWS = 4_000


def sums_of(model: Model, prediction: np.ndarray, label: np.ndarray) -> Sums:
    sums = model.tallies.zero()
    none = np.full(len(label), -1, np.int32)
    model.tallies.add_outcomes(OutcomeColumns(prediction, none, None, label, np.zeros(len(label))), sums)
    return sums


def test_shares_of_the_labels_follow_their_formulas() -> None:
    model = Model(Task.REGRESSION)
    columns = workload.table(ROWS, seed=41, task=Task.REGRESSION)
    columns["label"][:7] = 0.0
    columns["label"][:3] = columns["prediction"][:3] = 0.0
    values = found(model, model.sums(columns))
    label, prediction = columns["label"], columns["prediction"]
    error, size = np.abs(prediction - label), np.abs(prediction) + np.abs(label)
    wape = sk.mean_absolute_error(label, prediction) * ROWS / np.abs(label).sum()
    assert values["wape"][0] == pytest.approx(wape, rel=1e-12)
    shares = np.divide(2 * error, size, out=np.zeros(ROWS), where=size > 0)
    assert values["smape"][0] == pytest.approx(shares.mean(), rel=1e-12)


def test_labels_of_zero_alone_have_no_share() -> None:
    model = Model(Task.REGRESSION)
    sums = sums_of(model, np.ones(200), np.zeros(200))
    assert "wape" not in found(model, sums)
    assert found(model, sums)["smape"][0] == 2.0


def test_means_have_their_standard_error() -> None:
    model = Model(Task.REGRESSION)
    columns = workload.table(ROWS, seed=42, task=Task.REGRESSION)
    values = found(model, model.sums(columns))
    error = columns["prediction"] - columns["label"]
    root = np.sqrt(ROWS)
    assert values["mae_standard_error"][0] == pytest.approx(np.abs(error).std() / root, rel=1e-9)
    assert values["bias_standard_error"][0] == pytest.approx(error.std() / root, rel=1e-9)
    expected = (error**2).std() / root / (2 * np.sqrt((error**2).mean()))
    assert values["rmse_standard_error"][0] == pytest.approx(expected, rel=1e-9)


def test_errors_of_a_sentinel_do_not_contradict_each_other() -> None:
    model = Model(Task.REGRESSION, minimum=1)
    rng = np.random.default_rng(11)
    label = rng.normal(50.0, 10.0, 100)
    prediction = label + rng.normal(0.0, 1.0, 100)
    label[7] = 1e40
    values = {key: value[0] for key, value in found(model, sums_of(model, prediction, label)).items()}
    assert values["mae"] <= values["rmse"]
    assert values["constant_mae"] <= values["constant_rmse"]
    assert values["mae_standard_error"] == pytest.approx(values["mae"], rel=0.01)
    assert np.isnan(values["rmse_standard_error"])
    assert values["r2"] == pytest.approx(-0.01, abs=0.01)


@pytest.mark.parametrize(("rows", "largest"), [(100, 4e14), (20_000, 1e15)])
def test_errors_whose_fourth_power_is_not_counted_tell_no_standard_error(rows: int, largest: float) -> None:
    model = Model(Task.REGRESSION, minimum=1)
    label = np.random.default_rng(17).normal(50.0, 5.0, rows)
    label[3] = largest
    assert np.isnan(found(model, sums_of(model, np.full(rows, 50.0), label))["rmse_standard_error"]).all()


@pytest.mark.parametrize("smallest", [1e-20, 1e-30, 1e-300])
def test_a_share_of_almost_nothing_is_as_uncertain_as_it_is_large(smallest: float) -> None:
    model = Model(Task.REGRESSION, minimum=1)
    label = np.full(100, 2.0)
    label[0] = smallest
    values = found(model, sums_of(model, np.ones(100), label))
    assert values["mape_standard_error"] == pytest.approx(values["mape"], rel=0.01)


def test_relative_errors_vary_by_their_standard_errors() -> None:
    """Against their spread over 400 samples."""
    model = Model(Task.REGRESSION, minimum=1)
    rng = np.random.default_rng(12)
    shown = []
    for _ in range(400):
        label = rng.gamma(4.0, 10.0, 300) + 5.0
        shown.append(found(model, sums_of(model, label * rng.lognormal(0.0, 0.3, 300), label)))
    for key in ("mape", "wape", "smape"):
        spread = np.std([values[key][0] for values in shown])
        error = np.mean([values[f"{key}_standard_error"][0] for values in shown])
        assert error == pytest.approx(spread, rel=0.1), key


def test_intervals_of_quantiles_hold_the_true_one() -> None:
    """Of 400 samples about 95 % do; bins make the intervals a little wider or narrower."""
    model = Model(Task.REGRESSION, minimum=1)
    rng = np.random.default_rng(13)
    true = norm.ppf(QUANTILES) * 3.0
    held = np.zeros(3)
    for _ in range(400):
        values = found(model, sums_of(model, rng.normal(0.0, 3.0, 500), np.zeros(500)))
        lower, upper = (values[f"residual_quantile_{end}"] for end in ("lower", "upper"))
        slack = np.abs(true) * (2 ** (0.5 / PER_OCTAVE) - 1) + 0.01
        held += (lower - slack <= true) & (true <= upper + slack)
    assert (held / 400 > 0.93).all()
    beyond = found(model, sums_of(model, rng.normal(0.0, 1e6, 500), np.zeros(500)))
    assert np.isnan([beyond[f"residual_quantile_{end}"] for end in ("lower", "upper")]).all()
    few = found(model, sums_of(model, rng.normal(0.0, 3.0, 20), np.zeros(20)))
    assert np.isnan([few["residual_quantile_lower"][0], few["residual_quantile_upper"][2]]).all()


def test_the_root_mean_squared_error_varies_by_its_standard_error() -> None:
    model = Model(Task.REGRESSION)
    rng = np.random.default_rng(9)
    rows = [found(model, sums_of(model, rng.normal(0, 3, 400), np.zeros(400))) for _ in range(400)]
    spread = np.std([values["rmse"][0] for values in rows])
    assert np.mean([values["rmse_standard_error"][0] for values in rows]) == pytest.approx(spread, rel=0.12)


@pytest.mark.parametrize("size", [0.01, 1.0, 300.0])
@pytest.mark.parametrize("shift", [-1.0, 0.0, 3.0])
def test_quantiles_of_residuals_are_within_their_bound(shift: float, size: float) -> None:
    model = Model(Task.REGRESSION)
    rng = np.random.default_rng(10)
    error = size * (rng.standard_t(3, ROWS) + shift)
    label = rng.normal(0, 10, ROWS)
    values = found(model, sums_of(model, label + error, label))["residual_quantile"]
    exact = np.quantile(label + error - label, QUANTILES, method="inverted_cdf")
    edges = residual_edges(model.schema)
    assert edges is not None
    for value, true in zip(values, exact, strict=True):
        assert abs(value - true) <= (2 ** (0.5 / PER_OCTAVE) - 1) * abs(true) + edges[0]


def test_quantiles_beyond_the_last_bin_are_its_end() -> None:
    model = Model(Task.REGRESSION)
    edges = residual_edges(model.schema)
    assert edges is not None
    values = found(model, sums_of(model, np.full(200, 1e300), np.full(200, -1e300)))["residual_quantile"]
    assert values.tolist() == [edges[-1]] * 3
    assert found(model, sums_of(model, np.ones(200), np.ones(200)))["residual_quantile"].tolist() == [0.0] * 3


def test_without_a_baseline_the_bins_have_no_unit() -> None:
    schema, _ = schema_of("model", Task.REGRESSION, None, {})
    model = Model(Task.REGRESSION)
    model.schema, model.tallies = schema, tallies_of(schema)
    sums = sums_of(model, np.ones(500), np.zeros(500))
    context = type(model.context)(type(model.reference)(schema, model.tallies.zero()), 100)
    (signal,) = [each for each in performance.SIGNALS if each.key == MEASURE.key]
    assert list(signal.over_window(View(context, "1", sums, "1h"))) == [
        NoData(("model", "1", "1h"), MEASURE.key, NO_BASELINE)
    ]
