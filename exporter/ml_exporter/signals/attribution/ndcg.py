"""Normalized discounted cumulative gain of the ranking of the features."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.metrics import NoData, gauge, one
from ml_exporter.signals.attribution.means import of_context, of_view
from ml_exporter.signals.signal import (
    NO_BASELINE,
    NO_EVENTS,
    TOO_FEW_SAMPLES,
    UNDEFINED,
    Samples,
    Signal,
    View,
)

_NDCG = gauge(
    "ml_attribution_drift_ndcg",
    "NDCG of the features' ranking by attribution within the window, against the baseline's (1 is the same).",
    *("model", "version", "window"),
)


def attribution_ndcg(now: FloatArray, baseline: FloatArray) -> float:
    """NDCG of the features' ranking by attribution, against the baseline's; lower is worse.

    ``NDCG = DCG / iDCG`` with ``DCG = sum_i a(f'_i) / log2(i + 1)`` and ``iDCG = sum_i a(f_i) / log2(i + 1)``:
    ``a`` is the mean absolute attribution in the ``baseline``, (features,), ``f_i`` the feature of rank ``i``
    there, and ``f'_i`` that of rank ``i`` ``now``, (features,). So a fall counts the more the more the feature
    mattered, and two features that mattered alike may change places for nothing. Returns NaN if every ``a`` is 0.

    Range: above 0 to 1; 1 for the same ranking. Clarify calls it a violation below 0.9; that is a threshold of the
    rules. How large attributions are now does not enter, only their order.
    Ties: features that are tied now share the mean of their places.
    Missing: a feature without an attribution in the baseline counts there as 0, so that its coming lowers the
    score; if one with an attribution there was told too rarely there is no sample.
    Minimum samples: the configured minimum of attributions of each feature.
    Cost: O(features log features).

    Reference: K. Järvelin, J. Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20 (2002),
    doi:10.1145/582415.582418; Amazon SageMaker, Monitor feature attribution drift,
    https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-model-monitor-feature-attribution-drift.html.

    >>> round(attribution_ndcg(np.array([0.10, 0.20, 0.70]), np.array([0.70, 0.50, 0.05])), 4)
    0.6876
    """
    discounts = 1.0 / np.log2(np.arange(2, len(baseline) + 2))
    best = float(np.sum(np.sort(baseline)[::-1] * discounts))
    _, place, tied = np.unique(-now, return_inverse=True, return_counts=True)
    gains = np.bincount(place, baseline) / tied
    return float(np.sum(np.repeat(gains, tied) * discounts)) / best if best > 0.0 else float("nan")


class AttributionDrift(Signal):
    """Whether the model still rests on the features on which it rested in the baseline."""

    key = "attribution_drift_ndcg"
    metrics = (_NDCG,)
    formula = staticmethod(attribution_ndcg)

    def over_window(self, view: View) -> Samples:
        """Yield the score of the window."""
        means, before = view.derived(of_view), view.context.derived(of_context)
        if means is None:
            return
        if before is None:
            yield NoData(view.scope, self.key, NO_BASELINE)
            return
        known = ~before.few
        if not means.counts[known].any():
            yield NoData(view.scope, self.key, NO_EVENTS)
        elif means.few[known].any():
            yield NoData(view.scope, self.key, TOO_FEW_SAMPLES)
        else:
            told = ~means.few
            gains = np.where(known, before.values, 0.0)
            score = attribution_ndcg(means.values[told], gains[told])
            yield NoData(view.scope, self.key, UNDEFINED) if np.isnan(score) else one(_NDCG, score, *view.scope)


SIGNAL: Final = AttributionDrift()
