"""Performance of each group of each segment: the model's own measures over the sums of a group."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.metrics import Block, gauge
from ml_exporter.signals.performance import accuracy, balanced_accuracy, mae, rmse, roc_auc
from ml_exporter.signals.performance.measure import PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes
from ml_exporter.signals.segments.group import (
    OF,
    WITHIN,
    names_of,
    outcomes_by_group,
    rows_of,
)
from ml_exporter.signals.signal import (
    NO_LABELS,
    TOO_FEW_SAMPLES,
    ModelContext,
    Samples,
    Signal,
    View,
    absences,
)

MEASURES: Final = (accuracy.MEASURE, balanced_accuracy.MEASURE, roc_auc.MEASURE, mae.MEASURE, rmse.MEASURE)
"""Those of one number whose sums are kept by group."""

WITHOUT_ERROR: Final = frozenset({rmse.MEASURE})
"""Those whose standard error needs sums that are not kept by group: fourth powers of the errors."""


class SegmentPerformance(Signal):
    """One measure over the labelled predictions of each group, beside the same group of the baseline.

    The measure is that of the whole model, over the group's own sums: the same formula, range and policies, and
    the same standard error. ROC AUC and its error rest on the exposed score bins, some twenty, and have a wider
    bound. RMSE has no standard error: that of the whole model needs the fourth powers of the errors, which are
    not summed by group. A group with fewer labels than the minimum has none of these. Cost: O(groups x bins).
    """

    def __init__(self, measure: PerformanceMeasure) -> None:
        self.key = f"segment_{measure.key}"
        self._measure = measure
        self._window = gauge(
            f"ml_segment_performance_{measure.key}",
            f"{measure.help}, of a group, over labels that arrived within the window.",
            *WITHIN,
        )
        self._baseline = gauge(
            f"ml_baseline_segment_performance_{measure.key}", f"{measure.help}, of a group of the baseline.", *OF
        )
        self._error = None if measure in WITHOUT_ERROR else measure.standard_error
        self._errors = gauge(
            f"ml_segment_performance_{measure.key}_standard_error",
            f"Standard error of {measure.key.replace('_', ' ')}, of a group, over labels that arrived within the"
            " window.",
            *WITHIN,
        )
        self.metrics = (self._window, self._baseline, *([self._errors] if self._error else []))

    def over_window(self, view: View) -> Samples:
        """Yield the value of each group and its standard error."""
        context, least = view.context, max(view.context.minimum_samples, 1)
        groups = view.derived(_outcomes) if context.schema.task in self._measure.tasks else None
        if groups is None:
            return
        samples, values = self._of(groups, context, least)
        if not np.isnan(values).all():
            yield Block(self._window, view.scope, context.derived(rows_of), values)
            if self._error:
                errors = self._error(values[:, None], groups)[:, 0]
                told = np.where(np.isnan(values) | (errors == 0), np.nan, errors)
                yield Block(self._errors, view.scope, context.derived(rows_of), told)
        reasons = [
            (samples == 0, NO_LABELS),
            (samples < least, TOO_FEW_SAMPLES),
            (np.isnan(values), self._measure.undefined),
        ]
        yield from absences(view.scope, self.key, context.derived(names_of), reasons)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the value of each group that has labels in the baseline."""
        groups = context.derived(_baseline) if context.schema.task in self._measure.tasks else None
        if groups is not None:
            _, values = self._of(groups, context, 1)
            if not np.isnan(values).all():
                yield Block(self._baseline, (context.schema.name, version), context.derived(rows_of), values)

    def _of(self, groups: Outcomes, context: ModelContext, least: int) -> tuple[IntArray, FloatArray]:
        """Return the labels behind each group's value, and the value, NaN where there are too few."""
        samples = self._measure.samples(groups)
        if not (samples >= least).any():
            return samples, np.full(len(samples), np.nan)
        return samples, np.where(samples < least, np.nan, self._measure.value(groups)[:, 0])


def _outcomes(view: View) -> Outcomes | None:
    return outcomes_by_group(view.sums, view.context.schema)


def _baseline(context: ModelContext) -> Outcomes | None:
    return outcomes_by_group(context.reference.sums, context.schema)
