"""What a performance measure is, and the signal that yields it beside the baseline's value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.metrics import ONE, Block, NoData, Rows, gauge
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.core.text import label_value
from ml_exporter.signals.signal import (
    NO_LABELS,
    NO_SCORES,
    TOO_FEW_SAMPLES,
    UNDEFINED,
    ModelContext,
    Samples,
    Signal,
    View,
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

    ``value`` returns (1,) or, with ``by``, a number for each of its rows; NaN where the formula has no value, for
    which ``undefined`` is the reason, told even if other rows have one. ``samples`` returns the labelled
    predictions that the number rests on; ``unfit`` is the reason where labels came but none of these.
    ``in_baseline`` is False where no baseline can hold its sums.
    ``standard_error`` (of the value, too) and ``interval`` (lower ends, upper ends) return arrays of the length of
    the value, NaN where no formula applies.
    """

    key: str
    help: str
    tasks: frozenset[Task]
    value: Callable[[Sums, ModelSchema], FloatArray]
    samples: Callable[[Sums], int]
    by: By | None = None
    undefined: str = UNDEFINED
    unfit: str = NO_SCORES
    in_baseline: bool = True
    standard_error: Callable[[FloatArray, Sums, ModelSchema], FloatArray] | None = None
    interval: Callable[[Sums, ModelSchema], tuple[FloatArray, FloatArray]] | None = None


class PerformanceSignal(Signal):
    """One measure over each window, and over the baseline where that has labels."""

    def __init__(self, measure: PerformanceMeasure) -> None:
        self.key = measure.key
        self.measure = measure
        labels = (measure.by.label,) if measure.by else ()
        name, scope = f"ml_performance_{self.key}", ("model", "version", "window")
        told = "over labels that arrived within the window"
        self._window = gauge(name, f"{measure.help}, {told}.", *scope, *labels)
        self._baseline = gauge(
            f"ml_baseline_performance_{self.key}",
            f"{measure.help}, over the baseline.",
            *("model", "version", *labels),
        )
        title = measure.key.replace("_", " ")
        self._error = gauge(f"{name}_standard_error", f"Standard error of {title}, {told}.", *scope, *labels)
        self._ends = tuple(
            gauge(
                f"{name}_{end}",
                f"{end.capitalize()} end of the 95 % interval of {title}, {told}.",
                *scope,
                *labels,
            )
            for end in ("lower", "upper")
        )
        errors = (self._error,) if measure.standard_error else ()
        ends = self._ends if measure.interval else ()
        self.metrics = (self._window, *((self._baseline,) if measure.in_baseline else ()), *errors, *ends)

    def over_window(self, view: View) -> Samples:
        """Yield the value; a window with fewer labels than the minimum has none."""
        schema, rows = view.context.schema, self._rows(view.context)
        if schema.task not in self.measure.tasks or not len(rows):
            return
        samples = self.measure.samples(view.sums)
        if samples < max(view.context.minimum_samples, 1):
            yield NoData(view.scope, self.key, self._shortage(view.sums, samples))
            return
        values = self.measure.value(view.sums, schema)
        gone = np.isnan(values)
        if gone.any():
            yield NoData(view.scope, self.key, self.measure.undefined)
        if not gone.all():
            yield Block(self._window, view.scope, rows, values)
            if self.measure.standard_error:
                yield Block(self._error, view.scope, rows, self.measure.standard_error(values, view.sums, schema))
            if self.measure.interval:
                for metric, end in zip(self._ends, self.measure.interval(view.sums, schema), strict=True):
                    yield Block(metric, view.scope, rows, end)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the value over the baseline, if the baseline has labels."""
        sums = context.reference.sums
        measure = self.measure
        if measure.in_baseline and context.schema.task in measure.tasks and measure.samples(sums):
            values = measure.value(sums, context.schema)
            yield Block(self._baseline, (context.schema.name, version), self._rows(context), values)

    def _rows(self, context: ModelContext) -> Rows:
        return context.derived(self.measure.by.rows) if self.measure.by else ONE

    def _shortage(self, sums: Sums, samples: int) -> str:
        if samples:
            return TOO_FEW_SAMPLES
        return self.measure.unfit if joined(sums) else NO_LABELS


def joined(sums: Sums) -> int:
    """Return the number of labelled predictions."""
    return int(sums["label_delay"][:-1].sum())


def confused(sums: Sums) -> int:
    """Return the number of labelled predictions that carry a predicted class."""
    return int(sums["confusion"].sum())


def scored(sums: Sums) -> int:
    """Return the number of labelled predictions that carry scores."""
    if "score_bins" in sums:
        return int(sums["score_bins"].sum())
    return int(sums["class_score_loss"][2]) if "class_score_loss" in sums else 0


def labels_scored(sums: Sums) -> IntArray:
    """Return the labelled predictions that carry scores, by true class."""
    if "score_bins" in sums:
        labels: IntArray = sums["score_bins"].sum(axis=1)
    else:
        labels = sums["class_score_bins"][:, 1].sum(axis=1)
    return labels


def estimated(sums: Sums) -> int:
    """Return the number of labelled predictions that carry a predicted value."""
    return int(sums["estimated"][0])


def measured(sums: Sums) -> int:
    """Return the number of labelled predictions whose error was set beside the size of its label."""
    return int(sums["scaled"][0])
