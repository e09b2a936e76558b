"""Predictions, errors and missing values of each group of each segment."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import IntArray
from ml_exporter.core.metrics import Block, NoData, Rows, counter, gauge
from ml_exporter.core.schema import Task
from ml_exporter.signals.segments.group import OF, WITHIN, groups_of, output_labels, rows_of
from ml_exporter.signals.signal import NO_EVENTS, ModelContext, Samples, Signal, View

_PREDICTIONS = counter("ml_segment_predictions_total", "Predictions of a group of a segment.", *OF)
_ERRORS = counter(
    "ml_segment_prediction_errors_total",
    "Predictions of a group that the model server answered with an error.",
    *OF,
)
_GAPS = counter(
    "ml_segment_feature_gaps_total",
    "Values of features that a group's predictions lack: null, absent, of another type or not finite.",
    *OF,
)
_CLASSIFIED = counter(
    "ml_segment_classified_predictions_total", "Predictions of a group that name a class; binary alone.", *OF
)
_POSITIVE = counter(
    "ml_segment_positive_predictions_total",
    "Predictions of a group that name the positive class; binary alone.",
    *OF,
)
_BINS = counter(
    "ml_segment_prediction_bin_total", "Predictions of a group by the bin into which the output fell.", *OF, "bin"
)
_BASELINE_BINS = gauge(
    "ml_baseline_segment_prediction_bin_ratio",
    "Share of a group's rows in the baseline by the bin into which the output fell.",
    *(*OF, "bin"),
)
_BASELINE_ROWS = gauge("ml_baseline_segment_rows", "Rows of a group in the baseline.", *OF)
_WINDOW = gauge("ml_segment_window_predictions", "Predictions of a group within the window.", *WITHIN)
_GAP_RATIO = gauge(
    "ml_segment_feature_gaps_ratio",
    "Share of the features that a group's predictions within the window lack; higher is worse.",
    *WITHIN,
)


class _Bins:
    """The rows of a counter that has a series for each group and bin."""

    def __init__(self, context: ModelContext) -> None:
        groups, labels = context.derived(groups_of).rows, output_labels(context)
        self.rows = Rows(tuple((*group, label) for group in groups for label in labels))


class SegmentPredictions(Signal):
    """Volume, errors, missing values and outputs of each group.

    Groups are those that the configuration or the baseline declares, then ``other`` and ``missing``; their number
    is bounded. A prediction counts once in each segment. The share of missing values is over all features; a group
    without a prediction in the window has none.
    """

    key = "segment_predictions"
    metrics = (
        *(_PREDICTIONS, _ERRORS, _GAPS, _CLASSIFIED, _POSITIVE, _BINS, _BASELINE_BINS, _BASELINE_ROWS),
        *(_WINDOW, _GAP_RATIO),
    )

    def since_start(self, view: View) -> Samples:
        """Yield the counters; they begin at 0 for every group."""
        if "segment_traffic" not in view.sums:
            return
        rows = view.context.derived(rows_of)
        for metric, values in zip((_PREDICTIONS, _ERRORS, _GAPS), view.sums["segment_traffic"].T, strict=True):
            yield Block(metric, view.scope, rows, values.copy())
        if view.context.schema.task is Task.BINARY:
            for metric, values in zip((_CLASSIFIED, _POSITIVE), view.sums["segment_selected"].T, strict=True):
                yield Block(metric, view.scope, rows, values.copy())
        if "segment_output" in view.sums:
            bins = view.sums["segment_output"].ravel().copy()
            yield Block(_BINS, view.scope, view.context.derived(_Bins).rows, bins)

    def over_window(self, view: View) -> Samples:
        """Yield volume and missing values."""
        if "segment_traffic" not in view.sums:
            return
        rows = view.context.derived(rows_of)
        predictions, _, gaps = view.sums["segment_traffic"].T
        features = len(view.context.schema.features)
        yield Block(_WINDOW, view.scope, rows, predictions.copy())
        if not predictions.any():
            yield NoData(view.scope, "segment_feature_gaps", NO_EVENTS)
        elif features:
            shares = np.where(predictions > 0, gaps / np.maximum(predictions, 1) / features, np.nan)
            yield Block(_GAP_RATIO, view.scope, rows, shares)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield rows and shares of bins of the groups that the baseline has."""
        sums = context.reference.sums
        if not context.reference.rows or "segment_traffic" not in sums:
            return
        scope = (context.schema.name, version)
        counted: IntArray = sums["segment_traffic"][:, 0]
        rows = np.where(counted > 0, counted, np.nan)
        if not counted.any():
            return
        yield Block(_BASELINE_ROWS, scope, context.derived(rows_of), rows)
        if "segment_output" in sums:
            shares = sums["segment_output"] / rows[:, None]
            yield Block(_BASELINE_BINS, scope, context.derived(_Bins).rows, shares.ravel())


SIGNAL: Final = SegmentPredictions()
