"""Rank of each feature by its mean absolute attribution."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.metrics import Block, gauge
from ml_exporter.signals.attribution.means import OF, WITHIN, names_of, of_context, of_view, rows_of
from ml_exporter.signals.signal import ModelContext, Samples, Signal, View, absences

_WINDOW = gauge(
    "ml_feature_attribution_rank",
    "Place of a feature by its mean absolute attribution within the window, 1 the largest.",
    *WITHIN,
)
_BASELINE = gauge(
    "ml_baseline_feature_attribution_rank",
    "Place of a feature by its mean absolute attribution in the baseline, 1 the largest.",
    *OF,
)


def attribution_rank(means: FloatArray) -> FloatArray:
    """Rank of each feature by its mean absolute attribution; far from the baseline's is worse.

    ``rank_j = 1 + #{k: mean_k > mean_j, or mean_k = mean_j and k < j}`` over the features with a mean, ``means``
    (features,). Returns (features,), NaN where there is no mean.

    Range: 1 (the largest) to the number of features. Ties: in the order of the features, so that no two
    share one.
    Missing: a feature without a mean has no rank, and is none of those that are ranked.
    Minimum samples: the configured minimum of attributions of the feature.
    Cost: O(features log features).

    Reference: the ranking of which SageMaker Clarify takes its NDCG score,
    https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-model-monitor-feature-attribution-drift.html.

    >>> attribution_rank(np.array([0.1, 0.7, np.nan, 0.1])).tolist()
    [2.0, 1.0, nan, 3.0]
    """
    ranks = np.full(len(means), np.nan)
    order = np.argsort(-means, kind="stable")[: np.count_nonzero(~np.isnan(means))]
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks


class AttributionRank(Signal):
    """The rank of each feature now and in the baseline."""

    key = "attribution_rank"
    metrics = (_WINDOW, _BASELINE)
    formula = staticmethod(attribution_rank)

    def over_window(self, view: View) -> Samples:
        """Yield the rank of each feature."""
        means = view.derived(of_view)
        if means is None:
            return
        if not np.isnan(means.values).all():
            yield Block(_WINDOW, view.scope, view.context.derived(rows_of), attribution_rank(means.values))
        yield from absences(view.scope, self.key, view.context.derived(names_of), means.reasons())

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the ranks of the baseline."""
        means = context.derived(of_context)
        if means is not None:
            ranks = attribution_rank(means.values)
            yield Block(_BASELINE, (context.schema.name, version), context.derived(rows_of), ranks)


SIGNAL: Final = AttributionRank()
