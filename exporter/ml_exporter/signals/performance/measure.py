"""What a performance measure is, and the signal that yields it beside the baseline's value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.metrics import ONE, Block, Metric, NoData, Rows, gauge
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.core.text import label_value
from ml_exporter.signals.signal import (
    NO_LABELS,
    NO_SCORES,
    TOO_FEW_SAMPLES,
    UNDEFINED,
    JointSignal,
    ModelContext,
    Samples,
    View,
    Views,
)
from ml_exporter.sums.layout import Sums

CLASSIFICATION: Final = frozenset({Task.BINARY, Task.MULTICLASS})
REGRESSION: Final = frozenset({Task.REGRESSION})


@dataclass(frozen=True, eq=False, slots=True)
class By:
    """The label by which a measure has several numbers, and the rows of a model."""

    label: str
    rows: Callable[[ModelContext], Rows]


def _class_rows(context: ModelContext) -> Rows:
    return Rows.of(label_value(name) for name in context.schema.classes)


CLASS: Final = By("class", _class_rows)


@dataclass(frozen=True, eq=False, slots=True)
class PerformanceMeasure:
    """A number that says how right a model was.

    ``value`` returns (…, 1) or, with ``by``, (…, rows) of sums with any leading axes; NaN where the formula has no
    value, for which ``undefined`` is the reason, told even if other rows have one. ``samples`` returns the
    labelled predictions that the number rests on, (…,); ``unfit`` is the reason where labels came but none of
    these. ``in_baseline`` is False where no baseline can hold its sums. ``standard_error`` (of the value, too) and
    ``interval`` (lower ends, upper ends) return arrays of the shape of the value, NaN where no formula applies.
    """

    key: str
    help: str
    tasks: frozenset[Task]
    value: Callable[[Sums, ModelSchema], FloatArray]
    samples: Callable[[Sums], IntArray]
    by: By | None = None
    undefined: str = UNDEFINED
    unfit: str = NO_SCORES
    in_baseline: bool = True
    standard_error: Callable[[FloatArray, Sums, ModelSchema], FloatArray] | None = None
    interval: Callable[[Sums, ModelSchema], tuple[FloatArray, FloatArray]] | None = None


class PerformanceSignal(JointSignal):
    """One measure over each window, and over the baseline where that has labels."""

    def __init__(self, measure: PerformanceMeasure) -> None:
        self.key = measure.key
        self.measure = measure
        labels = (measure.by.label,) if measure.by else ()
        name, scope = f"ml_performance_{self.key}", ("model", "version", "window")
        told = "over labels that arrived within the window"
        window = gauge(name, f"{measure.help}, {told}.", *scope, *labels)
        self._baseline = gauge(
            f"ml_baseline_performance_{self.key}",
            f"{measure.help}, over the baseline.",
            *("model", "version", *labels),
        )
        title = measure.key.replace("_", " ")
        error = gauge(f"{name}_standard_error", f"Standard error of {title}, {told}.", *scope, *labels)
        ends = tuple(
            gauge(
                f"{name}_{end}",
                f"{end.capitalize()} end of the 95 % interval of {title}, {told}.",
                *scope,
                *labels,
            )
            for end in ("lower", "upper")
        )
        errors = (error,) if measure.standard_error else ()
        self._windows: tuple[Metric, ...] = (window, *errors, *(ends if measure.interval else ()))
        baseline = (self._baseline,) if measure.in_baseline else ()
        self.metrics = (window, *baseline, *self._windows[1:])

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the value of each window; one with fewer labels than the minimum has none."""
        context = views.context
        rows = self._rows(context)
        if context.schema.task not in self.measure.tasks or not len(rows):
            return [()] * len(views)
        sums = views.derived(_stacked)
        samples = self.measure.samples(sums)
        if not samples.any():
            return [[NoData(view.scope, self.key, self._shortage(view.sums, 0))] for view in views]
        found = self._found(sums, context.schema)
        missing = np.isnan(found[0]).sum(axis=-1)
        return map(self._of_view, views, samples.tolist(), zip(*found, strict=True), missing.tolist())

    def _found(self, sums: Sums, schema: ModelSchema) -> list[FloatArray]:
        """Return the values, then their standard errors and the ends of their intervals if there are any."""
        measure = self.measure
        found = [measure.value(sums, schema)]
        if measure.standard_error:
            found.append(measure.standard_error(found[0], sums, schema))
        if measure.interval:
            found += measure.interval(sums, schema)
        return found

    def _of_view(self, view: View, samples: int, found: tuple[FloatArray, ...], missing: int) -> Samples:
        if samples < max(view.context.minimum_samples, 1):
            yield NoData(view.scope, self.key, self._shortage(view.sums, samples))
            return
        if missing:
            yield NoData(view.scope, self.key, self.measure.undefined)
        if missing < len(found[0]):
            rows = self._rows(view.context)
            for metric, values in zip(self._windows, found, strict=True):
                yield Block(metric, view.scope, rows, values)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the value over the baseline, if the baseline has labels."""
        sums = context.reference.sums
        measure = self.measure
        if measure.in_baseline and context.schema.task in measure.tasks and int(measure.samples(sums)):
            values = measure.value(sums, context.schema)
            yield Block(self._baseline, (context.schema.name, version), self._rows(context), values)

    def _rows(self, context: ModelContext) -> Rows:
        return context.derived(self.measure.by.rows) if self.measure.by else ONE

    def _shortage(self, sums: Sums, samples: int) -> str:
        if samples:
            return TOO_FEW_SAMPLES
        return self.measure.unfit if joined(sums) else NO_LABELS


def _stacked(views: Views) -> Sums:
    return Sums(views[0].sums.layout, np.array([view.sums.vector for view in views]))


def ratio(total: FloatArray | IntArray, outcomes: IntArray) -> FloatArray:
    """Return ``total / outcomes``, both (…,), as (…, 1); without an outcome both are 0, and so is the ratio."""
    return np.asarray(total / np.maximum(outcomes, 1))[..., None]


def no_outcomes(sums: Sums) -> IntArray:
    """Return 0 labelled predictions, (…,), for what the model has no sums of."""
    return np.zeros(sums.vector.shape[:-1], np.int64)


def joined(sums: Sums) -> int:
    """Return the number of labelled predictions."""
    return int(sums["label_delay"][:-1].sum())


def confused(sums: Sums) -> IntArray:
    """Return the number of labelled predictions that carry a predicted class, (…,)."""
    return np.asarray(sums["confusion"].sum(axis=(-2, -1)))


def scored(sums: Sums) -> IntArray:
    """Return the number of labelled predictions that carry scores, (…,)."""
    if "score_bins" in sums:
        return np.asarray(sums["score_bins"].sum(axis=(-2, -1)))
    return sums["class_score_loss"][..., 2] if "class_score_loss" in sums else no_outcomes(sums)


def labels_scored(sums: Sums) -> IntArray:
    """Return the labelled predictions that carry scores, by true class, (…, classes)."""
    bins = sums["score_bins"] if "score_bins" in sums else sums["class_score_bins"][..., 1, :]
    labels: IntArray = bins.sum(axis=-1)
    return labels


def estimated(sums: Sums) -> IntArray:
    """Return the number of labelled predictions that carry a predicted value, (…,)."""
    return sums["estimated"][..., 0]


def measured(sums: Sums) -> IntArray:
    """Return the number of labelled predictions whose error was set beside the size of its label, (…,)."""
    return sums["scaled"][..., 0]
