"""What every signal must do, whatever it measures."""

import doctest
import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from types import ModuleType

import numpy as np
import pytest

import ml_exporter.signals
from ml_exporter.core.metrics import Block, Kind, NoData
from ml_exporter.core.schema import Task
from ml_exporter.signals import SIGNALS, drift, estimation, fairness, performance, quality
from ml_exporter.signals.signal import REASONS, Samples, Signal, View, Views
from ml_exporter.sums.layout import Sums
from support import workload
from support.models import Model

TASKS = list(Task)
HEADINGS = ("Returns", "Range:", "Missing", "Minimum samples:", "Cost:", "Reference:", ">>>")


@cache
def fitted(task: Task, *, noise: bool = False, minimum: int = 100) -> Model:
    return Model(task, noise, minimum)


@cache
def counted(rows: int, seed: int, task: Task, noise: bool = False, minimum: int = 100) -> Sums:
    """Return the sums over a table; many signals look at them, and none may change them."""
    return fitted(task, noise=noise, minimum=minimum).sums(workload.table(rows, seed=seed, task=task))


def over_window(model: Model, signal: Signal, sums: Sums) -> list[Block | NoData]:
    return list(signal.over_window(View(model.context, "1", sums, "1h")))


def everything(model: Model, signal: Signal, sums: Sums) -> list[Block | NoData]:
    total = View(model.context, "1", sums)
    samples = [*signal.since_start(total), *signal.of_baseline(model.context, "1")]
    return [*samples, *over_window(model, signal, sums)]


def values(samples: Samples) -> dict[tuple[str, ...], float]:
    """Return every sample by metric and labels."""
    result = {}
    for block in samples:
        if isinstance(block, Block) and block.metric.kind is not Kind.HISTOGRAM:
            for row, value in zip(block.rows.values, block.values, strict=True):
                if np.isfinite(value):
                    result[block.metric.name, *block.scope, *row] = float(value)
    return result


def parameters() -> Iterator[object]:
    for task in TASKS:
        for signal in SIGNALS:
            yield pytest.param(task, signal, id=f"{task.value.split('_')[0]}-{signal.key}")


every_signal = pytest.mark.parametrize(("task", "signal"), list(parameters()))


@every_signal
def test_several_windows_at_once_give_what_each_gives(task: Task, signal: Signal) -> None:
    model = fitted(task, noise=True)
    sizes = (0, 500, 40, 900)
    views = [View(model.context, "1", counted(rows, rows, task, noise=True), f"{rows}s") for rows in sizes]
    together = [list(samples) for samples in signal.over_windows(Views(views))]
    apart = [list(signal.over_window(view)) for view in views]
    assert [values(samples) for samples in together] == [values(samples) for samples in apart]
    reasons = [[sample for sample in samples if isinstance(sample, NoData)] for samples in (*together, *apart)]
    assert reasons[: len(views)] == reasons[len(views) :]


@every_signal
def test_metrics_are_declared_and_labels_fit(task: Task, signal: Signal) -> None:
    model = fitted(task)
    for sample in everything(model, signal, counted(500, 2, task)):
        if isinstance(sample, Block):
            assert sample.metric in signal.metrics
            for row in sample.rows.values:
                assert len(sample.scope) + len(row) == len(sample.metric.labels)
            if sample.metric.kind is not Kind.HISTOGRAM:
                assert len(sample.values) == len(sample.rows)
        else:
            assert sample.reason in REASONS


@every_signal
def test_nothing_in_an_empty_window_is_shown_as_zero_drift_or_full_health(task: Task, signal: Signal) -> None:
    model = fitted(task)
    found = values(over_window(model, signal, counted(0, 1, task)))
    facts = {
        "ml_window_predictions",
        "ml_feedback_samples",
        "ml_shadow_pairs",
        "ml_feature_drift_samples",
        "ml_prediction_drift_samples",
        "ml_performance_samples",
        "ml_estimated_performance_samples",
        "ml_segment_performance_samples",
        "ml_segment_window_predictions",
        "ml_multivariate_drift_reconstruction_error_samples",
    }
    assert {name for name, *_ in found} <= facts
    assert all(value == 0 for value in found.values())


@cache
def odd(task: Task) -> tuple[Sums, Sums, Sums]:
    """Return the sums over one row, over rows that lack almost everything, and over one row many times."""
    model = fitted(task, minimum=1)
    one = workload.table(1, seed=1, task=task)
    gone = workload.table(50, seed=1, task=task)
    for name in ("normal", "lognormal", "tailed", "tied", "zeros", "constant"):
        gone[name] = np.full(50, np.nan)
    gone["few"] = np.full(50, None, object)
    same = {name: np.repeat(column, 300) for name, column in one.items()}
    first, second, third = (model.sums(columns) for columns in (one, gone, same))
    return first, second, third


@every_signal
def test_one_row_missing_rows_and_identical_ones_raise_nothing(task: Task, signal: Signal) -> None:
    for sums in odd(task):
        for value in values(everything(fitted(task, minimum=1), signal, sums)).values():
            assert np.isfinite(value)


@cache
def merged(task: Task) -> Sums:
    """Return the sums over the rows of a table in another order, counted in two parts."""
    model, columns = fitted(task), workload.table(900, seed=3, task=task)
    order = np.random.default_rng(1).permutation(900)
    sums = model.sums(workload.take(columns, order[:300]))
    sums.add(model.sums(workload.take(columns, order[300:])).vector)
    return sums


@every_signal
def test_order_and_split_do_not_matter(task: Task, signal: Signal) -> None:
    model = fitted(task)
    joint = values(everything(model, signal, counted(900, 3, task)))
    assert values(everything(model, signal, merged(task))) == joint


@every_signal
def test_sums_are_not_changed_nor_handed_out(task: Task, signal: Signal) -> None:
    model = fitted(task)
    sums = counted(400, 4, task)
    before = sums.vector.copy()
    blocks = [
        *signal.since_start(View(model.context, "1", sums)),
        *signal.over_window(View(model.context, "1", sums, "1h")),
    ]
    for block in blocks:
        if isinstance(block, Block):
            assert not np.shares_memory(block.values, sums.vector)
    assert (sums.vector == before).all()


@every_signal
def test_a_baseline_less_model_raises_nothing(task: Task, signal: Signal) -> None:
    model = fitted(task)
    bare = model.tallies.zero()
    reference = type(model.reference)(model.schema, bare)
    context = type(model.context)(reference, 100, variants=model.context.variants)
    view = View(context, "1", counted(500, 2, task), "1h")
    names = {
        sample.metric.name
        for sample in [*signal.over_window(view), *signal.of_baseline(context, "1")]
        if isinstance(sample, Block)
    }
    assert not any("_drift_" in name and "samples" not in name for name in names)
    assert not any(name.startswith("ml_baseline_performance") for name in names)


def test_keys_are_unique_and_in_metric_names() -> None:
    keys = [signal.key for signal in SIGNALS]
    assert len(set(keys)) == len(keys)
    for measure in drift.MEASURES:
        assert f"ml_feature_drift_{measure.key}" in {m.name for s in SIGNALS for m in s.metrics}
    names = [metric.name for signal in SIGNALS for metric in signal.metrics]
    assert len(set(names)) == len(names)


def modules(package: ModuleType) -> list[str]:
    return sorted(info.name for info in pkgutil.iter_modules(package.__path__))


@pytest.mark.parametrize("family", [drift, quality, performance, estimation, fairness])
def test_every_file_is_in_its_tuple(family: ModuleType) -> None:
    """A measure that is not listed would be silently dead."""
    listed = {measure.key for measure in family.MEASURES}
    for name in modules(family):
        module = importlib.import_module(f"{family.__name__}.{name}")
        if hasattr(module, "MEASURE"):
            assert module.MEASURE in family.MEASURES, f"{name}.py is not in MEASURES"
            assert module.MEASURE.key == name
            listed.discard(name)
        if hasattr(module, "SIGNAL"):
            assert module.SIGNAL in family.SIGNALS, f"{name}.py is not in SIGNALS"
    assert not listed


@pytest.mark.parametrize(
    "module",
    [
        importlib.import_module(f"{family.__name__}.{measure.key}")
        for family in (drift, performance, estimation, fairness)
        for measure in family.MEASURES
    ],
    ids=lambda module: module.__name__.rpartition(".")[2],
)
def test_docstrings_say_all_that_a_reader_needs(module: ModuleType) -> None:
    function = getattr(module, module.MEASURE.key)
    text = function.__doc__ or ""
    for heading in HEADINGS:
        assert heading.lower() in text.lower(), f"{heading} is not in the docstring"
    first = text.splitlines()[0]
    assert "worse" in first
    assert doctest.DocTestFinder().find(function)[0].examples


def test_every_signal_of_every_family_is_run() -> None:
    for info in pkgutil.iter_modules(ml_exporter.signals.__path__):
        if info.ispkg:
            family = importlib.import_module(f"ml_exporter.signals.{info.name}")
            assert set(family.SIGNALS) <= set(SIGNALS)
