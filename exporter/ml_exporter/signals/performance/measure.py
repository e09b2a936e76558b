"""What a performance measure is, and the signal that yields it beside the baseline's value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

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
class PerformanceMeasure:
    """A number that says how right a model was.

    ``value`` returns (…, 1) or, for ``per_class``, (…, classes) of sums with any leading axes; NaN where the
    formula has no value, for which ``undefined`` is the reason, told even if other classes have one. ``samples``
    returns the labelled predictions that the number rests on, (…,).
    """

    key: str
    help: str
    tasks: frozenset[Task]
    value: Callable[[Sums, ModelSchema], FloatArray]
    samples: Callable[[Sums], IntArray]
    per_class: bool = False
    undefined: str = UNDEFINED


def class_rows(context: ModelContext) -> Rows:
    """Return one row for each class of the model."""
    return Rows.of(label_value(name) for name in context.schema.classes)


class PerformanceSignal(JointSignal):
    """One measure over each window, and over the baseline where that has labels."""

    named: ClassVar[str] = "{}"
    """Key of the signal, made from that of its measure."""

    shown: ClassVar[str] = "performance_{}"
    """The metrics' name without what stands before it."""

    within: ClassVar[str] = "over labels that arrived within the window"

    def __init__(self, measure: PerformanceMeasure) -> None:
        self.key = self.named.format(measure.key)
        self.measure = measure
        labels = ("class",) if measure.per_class else ()
        name = self.shown.format(measure.key)
        self._window = gauge(
            f"ml_{name}", f"{measure.help}, {self.within}.", *("model", "version", "window", *labels)
        )
        self._baseline = gauge(
            f"ml_baseline_{name}", f"{measure.help}, over the baseline.", *("model", "version", *labels)
        )
        self.metrics = (self._window, self._baseline)

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the value of each window; one with fewer labels than the minimum has none."""
        context = views.context
        if context.schema.task not in self.measure.tasks:
            return [()] * len(views)
        sums = views.derived(stacked)
        samples = self.measure.samples(sums)
        if not samples.any():
            return [[NoData(view.scope, self.key, self.shortage(view.sums, 0))] for view in views]
        values = self.measure.value(sums, context.schema)
        missing = np.isnan(values).sum(axis=-1)
        return map(self._of_view, views, samples.tolist(), values, missing.tolist())

    def _of_view(self, view: View, samples: int, values: FloatArray, missing: int) -> Samples:
        if samples < max(view.context.minimum_samples, 1):
            yield NoData(view.scope, self.key, self.shortage(view.sums, samples))
            return
        if missing:
            yield NoData(view.scope, self.key, self.measure.undefined)
        if missing < len(values):
            yield Block(self._window, view.scope, self._rows(view.context), values)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the value over the baseline, if the baseline has labels."""
        sums = context.reference.sums
        if context.schema.task in self.measure.tasks and int(self.measure.samples(sums)):
            values = self.measure.value(sums, context.schema)
            yield Block(self._baseline, (context.schema.name, version), self._rows(context), values)

    def _rows(self, context: ModelContext) -> Rows:
        return context.derived(class_rows) if self.measure.per_class else ONE

    def shortage(self, sums: Sums, samples: int) -> str:
        """Return why there is no sample over so few ``samples``."""
        if samples:
            return TOO_FEW_SAMPLES
        return NO_SCORES if joined(sums) else NO_LABELS


def stacked(views: Views) -> Sums:
    """Return the sums of all windows, with the windows as leading axis."""
    return Sums(views[0].sums.layout, np.array([view.sums.vector for view in views]))


def ratio(total: FloatArray | IntArray, outcomes: IntArray) -> FloatArray:
    """Return ``total / outcomes``, both (…,), as (…, 1); without an outcome both are 0, and so is the ratio."""
    return np.asarray(total / np.maximum(outcomes, 1))[..., None]


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
    if "class_score_loss" in sums:
        return sums["class_score_loss"][..., 2]
    return np.zeros(sums.vector.shape[:-1], np.int64)


def estimated(sums: Sums) -> IntArray:
    """Return the number of labelled predictions that carry a predicted value, (…,)."""
    return sums["estimated"][..., 0]
