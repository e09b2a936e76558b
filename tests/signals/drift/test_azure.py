"""Azure's definitions of drift against their formulas on the raw rows."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import jensenshannon

from ml_exporter.baseline.reference import reference_of
from ml_exporter.core.metrics import Block
from ml_exporter.core.schema import NumericVariable, Role, Task
from ml_exporter.core.variants import Variant
from ml_exporter.signals import drift
from ml_exporter.signals.drift.azure_bins import places, sturges
from ml_exporter.signals.drift.comparison import baseline_of, geometry_of
from ml_exporter.signals.signal import ModelContext, View
from support import workload
from support.models import BASELINE_ROWS, Model

BASELINE = workload.table(BASELINE_ROWS, seed=1)
WINDOWS = [(500, 0.0), (500, 0.4), (3_000, 0.0), (3_000, 0.15), (3_000, 0.5), (3_000, 2.0)]
SIGNALS = {signal.key: signal for signal in drift.SIGNALS}


def scores(key: str, columns: workload.Table, model: Model) -> dict[str, float]:
    """Return the score of every feature, and under no name that of the predictions."""
    found = {}
    for block in SIGNALS[key].over_window(View(model.context, "1", model.sums(columns), "1h")):
        if isinstance(block, Block):
            names = [row[0] if row else "" for row in block.rows.values]
            found |= dict(zip(names, map(float, block.values), strict=True))
    return found


def numbers(columns: workload.Table, name: str) -> np.ndarray:
    return columns[name][~np.isnan(columns[name])]


def psi(window: np.ndarray, baseline: np.ndarray) -> float:
    """Return Azure's formula over counts: each of them plus 1, of the rows as they are."""
    p, q = (window + 1) / window.sum(), (baseline + 1) / baseline.sum()
    return float(((p - q) * np.log(p / q)).sum())


def equal_widths(window: np.ndarray, baseline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts of the raw numbers in bins of equal width over the baseline's range, none left out."""
    bins = math.ceil(math.log2(min(len(window), len(baseline))) + 1)
    edges = np.linspace(baseline.min(), baseline.max(), bins + 1)
    inside = np.clip(window, baseline.min(), baseline.max())
    return np.histogram(inside, edges)[0], np.histogram(baseline, edges)[0]


def moved(model: Model, variable: NumericVariable, rows: int) -> np.ndarray:
    """Return the edges of fine bins that stand for those of equal width."""
    geometry = geometry_of(model.context)
    here = geometry.variable_of_fine == model.schema.numeric.index(variable)
    bins = int(sturges(np.array([float(rows)]))[0])
    place, _ = places(geometry, baseline_of(model.context).means)
    of = np.floor(place[here] * bins).clip(max=bins - 1).astype(int)
    return np.repeat(np.concatenate(([-np.inf], variable.edges)), np.diff(of, prepend=-1))


@pytest.mark.parametrize(("rows", "shift"), WINDOWS)
def test_numbers_are_azures_in_bins_whose_edges_are_moved(rows: int, shift: float) -> None:
    model, columns = Model(), workload.table(rows, seed=14, shift=shift)
    population, distance = (scores(f"azure_{key}", columns, model) for key in ("psi", "jensen_shannon"))
    for variable in model.schema.numeric:
        if variable.role is Role.OUTPUT:
            continue
        window, baseline = numbers(columns, variable.name), numbers(BASELINE, variable.name)
        bins = int(sturges(np.array([min(len(window), len(baseline))], float))[0])
        cuts = moved(model, variable, min(len(window), len(baseline)))
        counts = [
            np.bincount(np.searchsorted(cuts, side, "right") - 1, minlength=bins) for side in (window, baseline)
        ]
        if variable.name == "constant":
            counts = [side[side > 0] for side in counts]
        assert population[variable.name] == pytest.approx(psi(*counts), abs=1e-9), variable.name
        assert distance[variable.name] == pytest.approx(jensenshannon(*counts, 2), abs=1e-7), variable.name

        if variable.name == "constant":
            continue
        exact = equal_widths(window, baseline)
        moved_by = np.abs(np.cumsum(counts[1]) - np.cumsum(exact[1])).max() / len(baseline)
        apart = variable.name == "tied"  # each fine bin holds one distinct value
        assert moved_by <= (0.0 if apart else 1 / 250), variable.name
        near = 1e-9 if apart else 0.012 + 0.02 * psi(*exact)
        assert population[variable.name] == pytest.approx(psi(*exact), abs=near), variable.name
        assert distance[variable.name] == pytest.approx(jensenshannon(*exact, 2), abs=1e-7 if apart else 0.03)


def test_a_far_outlier_does_not_hide_a_shift() -> None:
    """The one difference that is meant: bins that are widened for an outlier put all other rows into one."""
    model, columns = Model(), workload.table(3_000, seed=14, shift=0.5)
    columns["normal"][0] = 1e6
    assert scores("azure_psi", columns, model)["normal"] > 0.2
    joint = np.concatenate((numbers(columns, "normal"), numbers(BASELINE, "normal")))
    edges = np.histogram_bin_edges(joint, math.ceil(math.log2(3_000) + 1))
    assert psi(*(np.histogram(numbers(side, "normal"), edges)[0] for side in (columns, BASELINE))) < 0.01


def categories(columns: workload.Table, name: str, known: tuple[str, ...]) -> np.ndarray:
    """Return the counts of the known categories, and of all others together, from the raw rows."""
    told = [str(value).lower() if isinstance(value, bool | np.bool_) else value for value in columns[name]]
    told = [value for value in told if value is not None]
    counts = [told.count(category) for category in known]
    return np.array([*counts, len(told) - sum(counts)])


@pytest.mark.parametrize(("rows", "shift"), WINDOWS)
def test_categories_are_azures(rows: int, shift: float) -> None:
    model, columns = Model(), workload.table(rows, seed=15, shift=shift)
    found = {
        key: scores(f"azure_{key}", columns, model) for key in ("psi", "jensen_shannon", "chi_squared_pvalue")
    }
    assert set(found["chi_squared_pvalue"]) == {variable.name for variable in model.schema.categorical}
    for variable in model.schema.categorical:
        window, baseline = (categories(side, variable.name, variable.categories) for side in (columns, BASELINE))
        seen = window + baseline > 0
        window, baseline = window[seen], baseline[seen]
        name = variable.name
        assert found["psi"][name] == pytest.approx(psi(window, baseline), abs=1e-12)
        assert found["jensen_shannon"][name] == pytest.approx(jensenshannon(window, baseline, 2), abs=1e-7)
        with np.errstate(divide="ignore"):
            exact = scipy.stats.chisquare(window, baseline / baseline.sum() * window.sum()).pvalue
        assert found["chi_squared_pvalue"][name] == pytest.approx(exact, rel=1e-6, abs=1e-300)


def test_classes_are_azures() -> None:
    model = Model(Task.MULTICLASS)
    columns = workload.table(900, seed=3, shift=1.0, task=Task.MULTICLASS)
    before = workload.table(BASELINE_ROWS, seed=1, task=Task.MULTICLASS)
    sides = [categories(side, "prediction", model.schema.classes)[:-1] for side in (columns, before)]
    assert scores("azure_psi", columns, model)[""] == pytest.approx(psi(*sides), abs=1e-12)


def test_predictions_are_compared_between_the_means_of_the_outermost_bins() -> None:
    """The baseline does not tell the extremes of scores."""
    model, columns = Model(), workload.table(3_000, seed=14, shift=0.5)
    near = psi(*equal_widths(columns["score"], BASELINE["score"]))
    assert scores("azure_psi", columns, model)[""] == pytest.approx(near, abs=0.1 * near + 0.01)


def test_missing_values_are_left_out() -> None:
    model, columns = Model(), workload.table(2_000, seed=16)
    emptied = {name: values.copy() for name, values in columns.items()}
    emptied["few"] = np.concatenate((columns["few"][:1_000], np.full(1_000, None, object)))
    emptied["tied"] = np.concatenate((columns["tied"][:1_000], np.full(1_000, np.nan)))
    half = workload.take(columns, slice(1_000))
    for key in ("azure_psi", "azure_jensen_shannon"):
        for name in ("few", "tied"):
            assert scores(key, emptied, model)[name] == scores(key, half, model)[name]


@pytest.mark.parametrize("other", [-3.0, 900.0])
def test_a_constant_that_is_one_no_more_has_drifted(other: float) -> None:
    model, columns = Model(), workload.table(1_000, seed=14)
    columns["constant"] = np.full(1_000, other)
    assert scores("azure_psi", columns, model)["constant"] > 1.0
    assert scores("azure_jensen_shannon", columns, model)["constant"] == pytest.approx(1.0)


def test_a_configured_range_does_not_move_the_bins() -> None:
    model, columns = Model(), workload.table(2_000, seed=16, shift=0.5)
    before = scores("azure_psi", columns, model)
    narrowed = tuple(
        replace(variable, lower=0.0, upper=0.1) if variable.name == "normal" else variable
        for variable in model.schema.numeric
    )
    schema = replace(model.schema, numeric=narrowed)
    model.context = ModelContext(reference_of(schema, model.tallies, model.document), 100, variants=Variant)
    assert scores("azure_psi", columns, model) == before


def test_a_model_that_does_not_ask_for_them_has_none() -> None:
    model, columns = Model(), workload.table(2_000, seed=16)
    model.context = ModelContext(model.reference, 100)
    for measure in drift.MEASURES:
        assert bool(scores(measure.key, columns, model)) is (measure.variant is None)
