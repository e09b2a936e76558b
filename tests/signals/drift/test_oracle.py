"""Drift scores against scipy on the raw rows, and against tables worked by hand."""

import math

import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import jensenshannon

from ml_exporter.core.metrics import Block
from ml_exporter.core.schema import CategoricalVariable, NumericVariable
from ml_exporter.signals import drift
from ml_exporter.signals.drift.comparison import Comparisons, baseline_of, geometry_of
from ml_exporter.signals.drift.kolmogorov_smirnov_pvalue import kolmogorov_smirnov_pvalue
from ml_exporter.signals.drift.psi import psi
from ml_exporter.signals.signal import View, Views
from support import workload
from support.models import BASELINE_ROWS, Model

BASELINE = workload.table(BASELINE_ROWS, seed=1)
WINDOWS = [(500, 0.0), (500, 0.4), (3_000, 0.0), (3_000, 0.15), (3_000, 2.0)]


def scores(key: str, columns: workload.Table) -> dict[str, float]:
    """Return the score of every feature over a window of ``columns``."""
    model = Model()
    signal = next(signal for signal in drift.SIGNALS if signal.key == key)
    view = View(model.context, "1", model.sums(columns), "1h")
    found = {}
    for block in signal.over_window(view):
        if isinstance(block, Block) and block.metric.name == f"ml_feature_drift_{key}":
            found = {row[0]: float(value) for row, value in zip(block.rows.values, block.values, strict=True)}
    return found


def numbers(columns: workload.Table, name: str) -> np.ndarray:
    return columns[name][~np.isnan(columns[name])]


@pytest.mark.parametrize(("rows", "shift"), WINDOWS)
def test_kolmogorov_smirnov_is_within_its_bound(rows: int, shift: float) -> None:
    columns = workload.table(rows, seed=11, shift=shift)
    model = Model()
    shares = np.diff(baseline_of(model.context).cumulative, prepend=0.0)
    geometry = geometry_of(model.context)
    for number, variable in enumerate(model.schema.numeric):
        if variable.name == "score":
            continue
        exact = scipy.stats.ks_2samp(numbers(columns, variable.name), numbers(BASELINE, variable.name)).statistic
        here = geometry.variable_of_fine == number
        bound = max(shares[here].max(), 0.0) if variable.bins > 1 else 1.0
        found = scores("kolmogorov_smirnov", columns)[variable.name]
        assert found - 1e-12 <= exact <= found + bound + 1e-12, variable.name


def test_kolmogorov_smirnov_is_exact_for_few_distinct_values() -> None:
    columns = workload.table(700, seed=12)
    columns["tied"] = np.minimum(columns["tied"] + 2, 23)
    exact = scipy.stats.ks_2samp(columns["tied"], BASELINE["tied"]).statistic
    assert scores("kolmogorov_smirnov", columns)["tied"] == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("gap", [0.0, 0.02, 0.05, 0.1])
def test_kolmogorov_smirnov_pvalue_is_the_limit_distribution(gap: float) -> None:
    n, m = 1_500.0, 4_000.0
    found = kolmogorov_smirnov_pvalue(np.array([gap]), np.array([n]), np.array([m]))[0]
    assert found == pytest.approx(scipy.stats.kstwobign.sf(gap * np.sqrt(n * m / (n + m))), abs=1e-12)


def crossing_bound(window: np.ndarray, baseline: np.ndarray, variable: NumericVariable) -> float:
    """Return the sum over the bins within which F - G changes its sign of width times both shares."""
    points = np.sort(np.concatenate((window, baseline)))
    gap = np.searchsorted(np.sort(window), points, "right") / len(window)
    gap -= np.searchsorted(np.sort(baseline), points, "right") / len(baseline)
    bins = np.searchsorted(variable.edges, points, "right")
    bounds = np.concatenate(([points[0]], variable.edges, [points[-1]]))
    total = 0.0
    for number in range(variable.bins):
        inside = gap[bins == number]
        before = gap[bins < number][-1:]
        seen = np.concatenate((before, inside))
        if len(inside) and seen.min() < 0 < seen.max():
            f = (np.searchsorted(variable.edges, window, "right") == number).mean()
            g = (np.searchsorted(variable.edges, baseline, "right") == number).mean()
            total += (bounds[number + 1] - bounds[number]) * (f + g)
    return float(total)


@pytest.mark.parametrize(("rows", "shift"), WINDOWS)
def test_wasserstein_is_within_its_bound(rows: int, shift: float) -> None:
    columns = workload.table(rows, seed=13, shift=shift)
    found = scores("wasserstein", columns)
    errors = []
    for variable in Model().schema.numeric:
        if variable.name in ("score", "constant"):
            continue
        base, window = numbers(BASELINE, variable.name), numbers(columns, variable.name)
        exact = scipy.stats.wasserstein_distance(window, base) / variable.scale
        bound = crossing_bound(window, base, variable) / variable.scale
        assert abs(found[variable.name] - exact) <= bound + 1e-6, variable.name
        errors.append(abs(found[variable.name] - exact))
    assert max(errors) < 0.02


def test_wasserstein_of_a_plain_shift_is_exact() -> None:
    columns = dict(BASELINE)
    columns["lognormal"] = BASELINE["lognormal"] + 100.0
    scale = next(v for v in Model().schema.numeric if v.name == "lognormal").scale
    assert scores("wasserstein", columns)["lognormal"] == pytest.approx(100.0 / scale, rel=1e-6)


def shares(columns: workload.Table, variable: NumericVariable | CategoricalVariable) -> np.ndarray:
    """Return the counts in the exposed bins, other and missing, from the raw rows."""
    values = columns[variable.name]
    if isinstance(variable, NumericVariable):
        cuts = [variable.edges[start - 1] for start in variable.groups[1:]]
        present = values[~np.isnan(values)]
        counts = np.histogram(present, [-np.inf, *cuts, np.inf])[0].tolist()
        return np.array([*counts, 0, len(values) - len(present)])
    names = np.array(
        [str(value).lower() if isinstance(value, bool | np.bool_) else value for value in values], object
    )
    counts = [int((names == name).sum()) for name in variable.categories]
    missing = sum(value is None for value in names)
    return np.array([*counts, len(names) - sum(counts) - missing, missing])


@pytest.mark.parametrize(("rows", "shift"), WINDOWS)
def test_bin_measures_equal_their_formulas_on_the_raw_rows(rows: int, shift: float) -> None:
    columns = workload.table(rows, seed=14, shift=shift)
    population, distance = scores("psi", columns), scores("jensen_shannon", columns)
    for variable in Model().schema.features:
        p, q = shares(columns, variable) / rows, shares(BASELINE, variable) / BASELINE_ROWS
        floor_p, floor_q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
        expected = ((floor_p - floor_q) * np.log(floor_p / floor_q)).sum()
        assert population[variable.name] == pytest.approx(expected, abs=1e-12)
        assert distance[variable.name] == pytest.approx(jensenshannon(p, q, 2), abs=1e-7)


@pytest.mark.parametrize(("rows", "shift"), WINDOWS)
def test_contingency_measures_equal_scipy(rows: int, shift: float) -> None:
    columns = workload.table(rows, seed=15, shift=shift)
    model = Model()
    found = {key: scores(key, columns) for key in ("chi_squared", "chi_squared_pvalue", "cramers_v", "l_infinity")}
    for variable in model.schema.categorical:
        table = np.array([shares(columns, variable), shares(BASELINE, variable)])
        table = table[:, table.sum(axis=0) > 0]
        exact = scipy.stats.chi2_contingency(table, correction=False)
        v = scipy.stats.contingency.association(table, method="cramer", correction=False)
        assert found["chi_squared"][variable.name] == pytest.approx(exact.statistic, rel=1e-9)
        assert found["chi_squared_pvalue"][variable.name] == pytest.approx(exact.pvalue, rel=1e-6, abs=1e-300)
        assert found["cramers_v"][variable.name] == pytest.approx(v, rel=1e-9)
        expected = np.abs(table[0] / rows - table[1] / BASELINE_ROWS).max()
        assert found["l_infinity"][variable.name] == pytest.approx(expected, abs=1e-12)


def test_psi_of_a_table_without_empty_bins_is_the_plain_formula() -> None:
    """Ten bins worked by hand: the floor of empty bins must not touch a table that has none."""
    actual = [0.07, 0.08, 0.07, 0.09, 0.11, 0.11, 0.10, 0.12, 0.11, 0.14]
    expected = [0.08, 0.10, 0.09, 0.13, 0.11, 0.10, 0.09, 0.12, 0.11, 0.07]
    by_hand = sum((a - e) * math.log(a / e) for a, e in zip(actual, expected, strict=True))
    assert psi(np.array(actual), np.array(expected), np.array([0]))[0] == pytest.approx(by_hand, abs=1e-15)


def test_identical_distributions_score_nothing() -> None:
    for measure in drift.MEASURES:
        for name, score in scores(measure.key, BASELINE).items():
            expected = 1.0 if measure.key.endswith("_pvalue") else 0.0
            assert score == pytest.approx(expected, abs=1e-6), (measure.key, name)


def test_deciles_are_tenths_of_the_baseline() -> None:
    model = Model()
    comparison = Comparisons(Views([View(model.context, "1", model.sums(BASELINE), "1h")]))
    baseline = comparison.baseline
    for number in range(2):  # normal, lognormal: continuous
        start = int(comparison.geometry.starts[number])
        present = baseline.present[number]
        counts = baseline.bins[start : start + 10]
        assert np.abs(counts - present / 10).max() <= 1


@pytest.mark.parametrize("other", [-3.0, 900.0])
def test_a_constant_that_is_one_no_more_has_drifted(other: float) -> None:
    columns = workload.table(1_000, seed=14)
    columns["constant"] = np.full(1_000, other)
    assert scores("psi", columns)["constant"] > 1.0
    assert scores("jensen_shannon", columns)["constant"] == pytest.approx(1.0)
    assert scores("kolmogorov_smirnov", columns)["constant"] == pytest.approx(1.0)
    assert scores("kolmogorov_smirnov_pvalue", columns)["constant"] < 1e-9
