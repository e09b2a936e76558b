"""What a performance measure is, and the signal that yields it beside the baseline's value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
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
class PerformanceMeasure:
    """A number that says how right a model was.

    ``value`` returns (1,) or, for ``per_class``, (classes,); NaN where the formula has no value, for which
    ``undefined`` is the reason, told even if other classes have one. ``samples`` returns the labelled
    predictions that the number rests on.
    """

    key: str
    help: str
    tasks: frozenset[Task]
    value: Callable[[Sums, ModelSchema], FloatArray]
    samples: Callable[[Sums], int]
    per_class: bool = False
    undefined: str = UNDEFINED


def class_rows(context: ModelContext) -> Rows:
    """Return one row for each class of the model."""
    return Rows.of(label_value(name) for name in context.schema.classes)


class PerformanceSignal(Signal):
    """One measure over each window, and over the baseline where that has labels."""

    def __init__(self, measure: PerformanceMeasure) -> None:
        self.key = measure.key
        self.measure = measure
        labels = ("class",) if measure.per_class else ()
        self._window = gauge(
            f"ml_performance_{self.key}",
            f"{measure.help}, over labels that arrived within the window.",
            *("model", "version", "window", *labels),
        )
        self._baseline = gauge(
            f"ml_baseline_performance_{self.key}",
            f"{measure.help}, over the baseline.",
            *("model", "version", *labels),
        )
        self.metrics = (self._window, self._baseline)

    def over_window(self, view: View) -> Samples:
        """Yield the value; a window with fewer labels than the minimum has none."""
        schema = view.context.schema
        if schema.task not in self.measure.tasks:
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
            yield Block(self._window, view.scope, self._rows(view.context), values)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the value over the baseline, if the baseline has labels."""
        sums = context.reference.sums
        if context.schema.task in self.measure.tasks and self.measure.samples(sums):
            values = self.measure.value(sums, context.schema)
            yield Block(self._baseline, (context.schema.name, version), self._rows(context), values)

    def _rows(self, context: ModelContext) -> Rows:
        return context.derived(class_rows) if self.measure.per_class else ONE

    def _shortage(self, sums: Sums, samples: int) -> str:
        if samples:
            return TOO_FEW_SAMPLES
        return NO_SCORES if joined(sums) else NO_LABELS


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


def estimated(sums: Sums) -> int:
    """Return the number of labelled predictions that carry a predicted value."""
    return int(sums["estimated"][0])
