"""Counts of each bin as counters, and the baseline's shares: the sums from which a fleet's drift follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.metrics import Block, Metric, Rows, counter, gauge
from ml_exporter.core.schema import MISSING_BIN, Role
from ml_exporter.core.segments import OTHER
from ml_exporter.signals.drift.comparison import baseline_of, geometry_of
from ml_exporter.signals.signal import Column, Columns, JointCounters, ModelContext, Samples, Views

_FEATURE = counter(
    "ml_feature_bin_total",
    "Predictions by the bin into which a feature's value fell.",
    *("model", "version", "feature", "bin"),
)
_OUTPUT = counter(
    "ml_prediction_bin_total", "Predictions by the bin into which the output fell.", "model", "version", "bin"
)
_BASELINE_FEATURE = gauge(
    "ml_baseline_feature_bin_ratio",
    "Share of the baseline's rows by the bin into which a feature's value fell.",
    *("model", "version", "feature", "bin"),
)
_BASELINE_OUTPUT = gauge(
    "ml_baseline_prediction_bin_ratio",
    "Share of the baseline's rows by the bin into which the output fell.",
    *("model", "version", "bin"),
)


class BinRows:
    """The bins of the features and of the output, as places in the flat bins and as label values."""

    def __init__(self, context: ModelContext) -> None:
        variables = context.schema.variables
        labels = [
            (variable.role, variable.name, label)
            for variable in variables
            for label in (*variable.bin_labels(), OTHER, MISSING_BIN)
        ]
        self.features = np.flatnonzero([role is Role.FEATURE for role, _, _ in labels])
        self.output = np.flatnonzero([role is Role.OUTPUT for role, _, _ in labels])
        self.feature_rows = Rows(tuple(labels[place][1:] for place in self.features))
        self.output_rows = Rows.of(labels[place][2] for place in self.output)


class Bins(JointCounters):
    """Events in every bin since the start, and the baseline's shares in the same bins.

    With these a rule computes PSI, Jensen-Shannon and their like of any number of replicas over any
    range: sum the increase of the counters over the replicas, divide by their total, compare.
    """

    key = "bins"
    metrics = (_FEATURE, _OUTPUT, _BASELINE_FEATURE, _BASELINE_OUTPUT)

    def since_starts(self, views: Views) -> Iterable[Samples]:
        """Yield the counters; they begin at 0 for every known bin."""
        counts = views.context.derived(geometry_of).bins_of(views.sums["variable_counts"])
        return Columns(views, _columns(views.context, counts, _FEATURE, _OUTPUT))

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the baseline's shares, if there is a baseline."""
        if context.reference.rows:
            shares = context.derived(baseline_of).shares
            for metric, rows, values in _columns(context, shares, _BASELINE_FEATURE, _BASELINE_OUTPUT):
                yield Block(metric, (context.schema.name, version), rows, values)


def _columns(
    context: ModelContext, values: IntArray | FloatArray, feature: Metric, output: Metric
) -> Iterator[Column]:
    """Yield the values, (…, bins), of the features and of the output."""
    rows = context.derived(BinRows)
    if len(rows.features):
        yield feature, rows.feature_rows, values[..., rows.features]
    if len(rows.output):
        yield output, rows.output_rows, values[..., rows.output]


SIGNAL: Final = Bins()
