"""The sums over labelled predictions of each group as counters: from them a fleet's performance follows."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import IntArray
from ml_exporter.core.metrics import Block, Rows, counter, gauge
from ml_exporter.core.text import label_value
from ml_exporter.signals.segments.group import OF, WITHIN, groups_of, rows_of
from ml_exporter.signals.signal import ModelContext, Samples, Signal, View
from ml_exporter.sums.fixed import WIDE
from ml_exporter.sums.layout import Sums

_CONFUSION = counter(
    "ml_segment_confusion_total",
    "Labelled predictions of a group by true and by predicted class.",
    *(*OF, "class", "predicted"),
)
_SCORED = counter(
    "ml_segment_outcome_scored_total", "Labelled predictions of a group that carry a predicted value.", *OF
)
_OVER = counter(
    "ml_segment_outcome_overestimate_total", "Sum of prediction minus label of a group where positive.", *OF
)
_UNDER = counter(
    "ml_segment_outcome_underestimate_total", "Sum of label minus prediction of a group where positive.", *OF
)
_SQUARED = counter("ml_segment_outcome_squared_error_total", "Sum of the squared errors of a group.", *OF)
_LABELS = gauge(
    "ml_segment_performance_samples", "Labelled predictions of a group that arrived within the window.", *WITHIN
)
_BASELINE_LABELS = gauge(
    "ml_baseline_segment_performance_samples", "Labelled predictions of a group in the baseline.", *OF
)


class _Cells:
    def __init__(self, context: ModelContext) -> None:
        names = [label_value(name) for name in context.schema.classes]
        pairs = [(true, predicted) for true in names for predicted in names]
        self.rows = Rows(tuple((*group, *pair) for group in context.derived(groups_of).rows for pair in pairs))


class SegmentOutcomes(Signal):
    """Counters of the outcomes of each group since the start, and the labels within each window."""

    key = "segment_outcomes"
    metrics = (_CONFUSION, _SCORED, _OVER, _UNDER, _SQUARED, _LABELS, _BASELINE_LABELS)

    def since_start(self, view: View) -> Samples:
        """Yield the counters of the model's task."""
        rows = view.context.derived(rows_of)
        if "segment_confusion" in view.sums:
            cells = view.sums["segment_confusion"].ravel().copy()
            yield Block(_CONFUSION, view.scope, view.context.derived(_Cells).rows, cells)
        if "segment_errors" in view.sums:
            yield Block(_SCORED, view.scope, rows, view.sums["segment_estimated"].copy())
            errors = WIDE.decode(view.sums["segment_errors"]).T
            for metric, values in zip((_OVER, _UNDER, _SQUARED), errors, strict=True):
                yield Block(metric, view.scope, rows, values)

    def over_window(self, view: View) -> Samples:
        """Yield the labels of each group."""
        labels = _labels(view.sums)
        if labels is not None:
            yield Block(_LABELS, view.scope, view.context.derived(rows_of), labels)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the labels of each group that the baseline has."""
        labels = _labels(context.reference.sums)
        if labels is not None and labels.any():
            counted = np.where(labels > 0, labels, np.nan)
            yield Block(_BASELINE_LABELS, (context.schema.name, version), context.derived(rows_of), counted)


def _labels(sums: Sums) -> IntArray | None:
    if "segment_confusion" in sums:
        counted: IntArray = sums["segment_confusion"].sum(axis=(1, 2))
        return counted
    return sums["segment_estimated"].copy() if "segment_estimated" in sums else None


SIGNAL: Final = SegmentOutcomes()
