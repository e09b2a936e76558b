"""Counts of each bin within each window: what histograms for people are drawn from, not exposed as series.

On the page of metrics they would multiply the largest family by the number of windows, and a rule can derive them
from ``ml_feature_bin_total``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ml_exporter.core.metrics import Block, gauge
from ml_exporter.signals.drift.bins import BinRows
from ml_exporter.signals.drift.comparison import geometry_of
from ml_exporter.signals.signal import Views

FEATURE: Final = gauge(
    "ml_feature_window_bin",
    "Predictions within the window by the bin into which a feature's value fell; not exposed.",
    *("model", "version", "window", "feature", "bin"),
)
OUTPUT: Final = gauge(
    "ml_prediction_window_bin",
    "Predictions within the window by the bin into which the output fell; not exposed.",
    *("model", "version", "window", "bin"),
)


def histograms(views: Views) -> Iterable[Block]:
    """Yield the counts of each bin within each window, in the bins of ``ml_feature_bin_total``."""
    rows = views.context.derived(BinRows)
    geometry = views.context.derived(geometry_of)
    for view in views:
        counts = geometry.bins_of(view.sums["variable_counts"])
        if len(rows.features):
            yield Block(FEATURE, view.scope, rows.feature_rows, counts[rows.features])
        if len(rows.output):
            yield Block(OUTPUT, view.scope, rows.output_rows, counts[rows.output])
