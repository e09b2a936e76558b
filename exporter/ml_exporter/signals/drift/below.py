"""Numbers below given edges as counters: from them the quantiles of a fleet follow, in a feature's own unit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.metrics import Block, Metric, Rows, counter, gauge
from ml_exporter.core.schema import Role
from ml_exporter.signals.drift.comparison import baseline_of, geometry_of
from ml_exporter.signals.signal import Column, Columns, JointCounters, ModelContext, Samples, Views

QUANTILES: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""The baseline's quantiles at which edges lie."""

_FEATURE = counter(
    "ml_feature_below_total",
    "Numbers of a feature below a quantile of the baseline; +Inf counts all numbers.",
    *("model", "version", "feature", "below"),
)
_OUTPUT = counter(
    "ml_prediction_below_total",
    "Outputs, scores or values, below a quantile of the baseline; +Inf counts all of them.",
    *("model", "version", "below"),
)
_BASELINE_FEATURE = gauge(
    "ml_baseline_feature_below_ratio",
    "Share of the baseline's numbers of a feature below an edge.",
    *("model", "version", "feature", "below"),
)
_BASELINE_OUTPUT = gauge(
    "ml_baseline_prediction_below_ratio",
    "Share of the baseline's outputs below an edge.",
    *("model", "version", "below"),
)


class _Edges:
    """Which running totals of the flat fine bins are exposed, and under which labels."""

    def __init__(self, context: ModelContext) -> None:
        geometry = context.derived(geometry_of)
        shares = context.derived(baseline_of).cumulative
        last: list[int] = []
        first: list[int] = []
        features: list[int] = []
        output: list[int] = []
        labels: list[tuple[str, str]] = []
        for variable, start in zip(context.schema.numeric, geometry.fine_starts, strict=True):
            end = start + variable.bins
            if variable.sensitive or shares[end - 1] == 0.0:
                continue
            inner = shares[start : end - 1]
            nearest = [int(np.argmin(np.abs(inner - quantile))) for quantile in QUANTILES] if len(inner) else []
            named: dict[str, int] = {}
            for place in nearest:
                named.setdefault(f"{variable.edges[place]:.6g}", start + place)
            named["+Inf"] = end - 1
            for label, place in named.items():
                (features if variable.role is Role.FEATURE else output).append(len(labels))
                labels.append((variable.name, label))
                first.append(start)
                last.append(place)
        self._first = np.array(first, np.int64)
        self._last = np.array(last, np.int64)
        self.features = np.array(features, np.int64)
        self.output = np.array(output, np.int64)
        self.feature_rows = Rows(tuple(labels[place] for place in features))
        self.output_rows = Rows.of(labels[place][1] for place in output)

    def totals(self, fine: IntArray) -> IntArray:
        """Return the numbers below each edge, (…, edges), from the count of every fine bin."""
        upto = np.cumsum(fine, axis=-1)
        below: IntArray = upto[..., self._last] - (upto - fine)[..., self._first]
        return below

    def shares(self, cumulative: FloatArray) -> FloatArray:
        """Return the share below each edge, (edges,), from that below the upper edge of every fine bin."""
        return cumulative[self._last]


class Below(JointCounters):
    """Numbers below nine quantiles of the baseline since the start, and the baseline's shares below them.

    A classic histogram in all but name: its buckets count what lies *below* an edge, not at it as ``le`` would
    say. ``histogram_quantile`` over the increase, with ``below`` renamed to ``le``, gives the quantiles of any
    number of replicas in the feature's own unit, exact at the edges and interpolated between them. Beyond the
    1 % and the 99 % quantile of the baseline it stays there. Sensitive features have none.

    Edges are those of fine bins, nearest to the quantile: with ties, or a baseline of few rows, some fall
    together, and stand there once.
    """

    key = "below"
    metrics = (_FEATURE, _OUTPUT, _BASELINE_FEATURE, _BASELINE_OUTPUT)

    def since_starts(self, views: Views) -> Iterable[Samples]:
        """Yield the counters; they begin at 0 for every edge."""
        if not views.context.reference.rows:
            return [()] * len(views)
        fine = views.context.derived(geometry_of).fine_of(views.sums["variable_counts"])
        totals = views.context.derived(_Edges).totals(fine)
        return Columns(views, _columns(views.context, totals, _FEATURE, _OUTPUT))

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the baseline's shares, if there is a baseline."""
        if context.reference.rows:
            shares = context.derived(_Edges).shares(context.derived(baseline_of).cumulative)
            scope = (context.schema.name, version)
            for metric, rows, values in _columns(context, shares, _BASELINE_FEATURE, _BASELINE_OUTPUT):
                yield Block(metric, scope, rows, values)


def _columns(
    context: ModelContext, values: IntArray | FloatArray, feature: Metric, output: Metric
) -> Iterator[Column]:
    """Yield the values, (…, edges), of the features and of the output."""
    edges = context.derived(_Edges)
    if len(edges.features):
        yield feature, edges.feature_rows, values[..., edges.features]
    if len(edges.output):
        yield output, edges.output_rows, values[..., edges.output]


SIGNAL: Final = Below()
