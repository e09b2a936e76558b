"""What a performance measure is, and the signal that yields it beside the baseline's value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.metrics import ONE, Block, Metric, NoData, Rows, gauge
from ml_exporter.core.schema import Task
from ml_exporter.core.text import label_value
from ml_exporter.signals.performance.outcomes import Outcomes, joined, outcomes_of_all, outcomes_of_baseline
from ml_exporter.signals.signal import (
    NO_LABELS,
    NO_SCORES,
    TOO_FEW_SAMPLES,
    UNDEFINED,
    Columns,
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
    these. ``standard_error`` (of the value, too) and ``interval`` (lower ends, upper ends) return arrays of the
    shape of the value, NaN where no formula applies.
    """

    key: str
    help: str
    tasks: frozenset[Task]
    value: Callable[[Outcomes], FloatArray]
    samples: Callable[[Outcomes], IntArray]
    by: By | None = None
    undefined: str = UNDEFINED
    unfit: str = NO_SCORES
    standard_error: Callable[[FloatArray, Outcomes], FloatArray] | None = None
    interval: Callable[[Outcomes], tuple[FloatArray, FloatArray]] | None = None


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
        labels = (measure.by.label,) if measure.by else ()
        name, scope = self.shown.format(measure.key), ("model", "version", "window")
        window = gauge(f"ml_{name}", f"{measure.help}, {self.within}.", *scope, *labels)
        self._baseline = gauge(
            f"ml_baseline_{name}", f"{measure.help}, over the baseline.", *("model", "version", *labels)
        )
        title = measure.key.replace("_", " ")
        error = gauge(f"ml_{name}_standard_error", f"Standard error of {title}, {self.within}.", *scope, *labels)
        ends = tuple(
            gauge(
                f"ml_{name}_{end}",
                f"{end.capitalize()} end of the 95 % interval of {title}, {self.within}.",
                *scope,
                *labels,
            )
            for end in ("lower", "upper")
        )
        errors = (error,) if measure.standard_error else ()
        self._windows: tuple[Metric, ...] = (window, *errors, *(ends if measure.interval else ()))
        self.metrics = (window, self._baseline, *self._windows[1:])

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the value of each window; one with fewer labels than the minimum has none."""
        context = views.context
        rows = self._rows(context)
        if context.schema.task not in self.measure.tasks or not len(rows):
            return [()] * len(views)
        sums = views.derived(outcomes_of_all)
        samples = sums.listed(self.measure.samples)
        if not any(samples):
            return [[NoData(view.scope, self.key, self.shortage(view.sums, 0))] for view in views]
        found = self._found(sums)
        whole = np.add.reduce(found[0], axis=None)  # NaN if any is: faster than to look at each
        if whole == whole and min(samples) >= max(context.minimum_samples, 1):
            return Columns(views, zip(self._windows, [rows] * len(found), found, strict=True))
        gaps = np.isnan(found[0]).sum(axis=-1).tolist()
        return map(self._of_view, views, samples, zip(*found, strict=True), gaps)

    def _found(self, sums: Outcomes) -> list[FloatArray]:
        """Return the values, then their standard errors and the ends of their intervals if there are any."""
        measure = self.measure
        found = [measure.value(sums)]
        if measure.standard_error:
            found.append(measure.standard_error(found[0], sums))
        if measure.interval:
            found += measure.interval(sums)
        return found

    def _of_view(self, view: View, samples: int, found: tuple[FloatArray, ...], missing: int) -> Samples:
        if samples < max(view.context.minimum_samples, 1):
            yield NoData(view.scope, self.key, self.shortage(view.sums, samples))
            return
        if missing:
            yield NoData(view.scope, self.key, self.measure.undefined)
        if missing < len(found[0]):
            rows = self._rows(view.context)
            for metric, values in zip(self._windows, found, strict=True):
                yield Block(metric, view.scope, rows, values)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the value over the baseline, if the baseline has labels."""
        measure = self.measure
        if context.schema.task not in measure.tasks:
            return
        sums, rows = context.derived(outcomes_of_baseline), self._rows(context)
        if len(rows) and int(measure.samples(sums)):
            yield Block(self._baseline, (context.schema.name, version), rows, measure.value(sums))

    def _rows(self, context: ModelContext) -> Rows:
        return context.derived(self.measure.by.rows) if self.measure.by else ONE

    def shortage(self, sums: Sums, samples: int) -> str:
        """Return why there is no sample over so few ``samples``."""
        if samples:
            return TOO_FEW_SAMPLES
        return self.measure.unfit if joined(sums) else NO_LABELS
