"""Azure's definitions of drift against their formulas on the raw rows."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import jensenshannon

from ml_exporter.baseline.fit import fit
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.reference import reference_of
from ml_exporter.baseline.rows import predictions_of
from ml_exporter.baseline.schema import schema_of
from ml_exporter.core.metrics import Block
from ml_exporter.core.schema import FeatureKind, FeatureOptions, Role, Task
from ml_exporter.core.variants import Variant
from ml_exporter.signals import drift
from ml_exporter.signals.signal import ModelContext, View
from support import workload
from support.models import BASELINE_ROWS, Model, chunk_of, tallies_of

BASELINE = workload.table(BASELINE_ROWS, seed=1)
WINDOWS = [(500, 0.0), (500, 0.4), (3_000, 0.0), (3_000, 0.15), (3_000, 0.5), (3_000, 2.0)]
OPTIONS = FitOptions(Task.BINARY, label="label", score="score")
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


@pytest.mark.parametrize(("rows", "shift"), WINDOWS)
def test_numbers_are_azures_within_its_bins(rows: int, shift: float) -> None:
    model, columns = Model(), workload.table(rows, seed=14, shift=shift)
    population, distance = (scores(f"azure_{key}", columns, model) for key in ("psi", "jensen_shannon"))
    for variable in model.schema.numeric:
        if variable.role is Role.OUTPUT:
            continue
        name = variable.name
        exact = equal_widths(numbers(columns, name), numbers(BASELINE, name))
        if name == "constant":
            exact = (exact[0][-1:], exact[1][-1:])
        apart = name in ("tied", "constant")  # each fine bin holds one distinct value
        wanted = psi(*exact)
        assert population[name] == pytest.approx(wanted, abs=1e-9 if apart else 0.015 + 0.01 * wanted), name
        assert distance[name] == pytest.approx(jensenshannon(*exact, 2), abs=1e-7 if apart else 0.02), name


def one_feature(baseline: np.ndarray) -> Model:
    """Return a model of one feature, whose baseline holds the given numbers."""
    table = {"normal": baseline, "score": np.full(len(baseline), 0.5), "label": np.arange(len(baseline)) % 2}
    found = fit(
        lambda: iter([chunk_of(table)]), OPTIONS, tallies_of, lambda *known: {}, (), source="x", created=1.0
    ).document
    model = Model()
    model.schema, _ = schema_of("model", Task.BINARY, found, {})
    model.tallies = tallies_of(model.schema)
    model.context = ModelContext(reference_of(model.schema, model.tallies, found), 100, variants=Variant)
    return model


def score_of(model: Model, key: str, window: np.ndarray) -> float:
    sums = model.tallies.zero()
    table = chunk_of({"normal": window, "score": np.full(len(window), 0.5)})
    model.tallies.add_predictions(predictions_of(table, model.schema, OPTIONS), sums)
    (block,) = [
        block
        for block in SIGNALS[key].over_window(View(model.context, "1", sums, "1h"))
        if isinstance(block, Block) and block.metric.name.startswith("ml_feature")
    ]
    return float(block.values[0])


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0])
def test_what_lies_beyond_the_baseline_is_in_the_outermost_bins(sigma: float) -> None:
    rng = np.random.default_rng(8)
    baseline, window = np.exp(rng.normal(0, sigma, 5_000)), np.exp(rng.normal(0, sigma, 3_000))
    model = one_feature(baseline)
    for share, factor in ((0.0, 1.0), (0.2, 1.0), (0.2, 2.0), (1.0, 2.0)):
        moved = window.copy()
        moved[: int(share * 3_000)] = factor * baseline.max()
        exact = equal_widths(moved, baseline)
        wanted = psi(*exact)
        assert score_of(model, "azure_psi", moved) == pytest.approx(wanted, abs=0.01 + 0.12 * wanted)
        distance = score_of(model, "azure_jensen_shannon", moved)
        assert distance == pytest.approx(jensenshannon(*exact, 2), abs=0.035)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_outlier_of_the_baseline_does_not_hide_those_of_a_window(sign: float) -> None:
    rng = np.random.default_rng(8)
    baseline, window = rng.normal(size=5_000), rng.normal(size=3_000)
    baseline[7] = sign * 1e6
    model = one_feature(baseline)
    window[:600] = sign * 1e6
    wanted = psi(*equal_widths(window, baseline))
    assert wanted > 1
    assert score_of(model, "azure_psi", window) == pytest.approx(wanted, rel=0.15)


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


@pytest.mark.parametrize("kind", ["numeric", "text"])
def test_a_number_that_the_baseline_does_not_have_leaves_the_others_alone(kind: str) -> None:
    model, columns = Model(), workload.table(2_000, seed=16, shift=0.5)
    before = scores("azure_psi", columns, model)
    schema, problems = schema_of("model", Task.BINARY, model.document, {"more": FeatureOptions(FeatureKind(kind))})
    assert problems == []
    model.schema, model.tallies = schema, tallies_of(schema)
    model.context = ModelContext(reference_of(schema, model.tallies, model.document), 100, variants=Variant)
    for key in ("azure_psi", "azure_jensen_shannon", "azure_chi_squared_pvalue"):
        assert math.isnan(scores(key, columns, model).pop("more", math.nan))
    found = scores("azure_psi", columns, model)
    assert {name: found[name] for name in before} == before


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_a_baseline_without_predictions_has_the_features(task: Task) -> None:
    columns = workload.table(2_000, seed=16, task=task)
    options = FitOptions(task, exclude=frozenset({"region", "score", "prediction", "label"} & columns.keys()))
    found = fit(
        lambda: iter([chunk_of(columns)]), options, tallies_of, lambda *known: {}, (), source="x", created=1.0
    ).document
    schema, _ = schema_of("model", task, found, {})
    tallies = tallies_of(schema)
    context = ModelContext(reference_of(schema, tallies, found), 100, variants=Variant)
    sums = tallies.zero()
    tallies.add_predictions(predictions_of(chunk_of(columns), schema, options), sums)
    blocks = [*SIGNALS["azure_psi"].over_window(View(context, "1", sums, "1h"))]
    (block,) = [b for b in blocks if isinstance(b, Block) and b.metric.name.startswith("ml_feature")]
    assert len(block.values) == len(schema.features)
    assert float(np.abs(block.values).max()) < 1e-9


def test_a_model_that_does_not_ask_for_them_has_none() -> None:
    model, columns = Model(), workload.table(2_000, seed=16)
    model.context = ModelContext(model.reference, 100)
    for measure in drift.MEASURES:
        assert bool(scores(measure.key, columns, model)) is (measure.variant is None)
