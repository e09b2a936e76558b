"""Mean absolute attribution of each feature."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.metrics import Block, gauge
from ml_exporter.signals.attribution.means import OF, WITHIN, names_of, of_context, of_view, rows_of
from ml_exporter.signals.signal import ModelContext, Samples, Signal, View, absences

_WINDOW = gauge(
    "ml_feature_attribution_mean", "Mean absolute attribution of a feature within the window.", *WITHIN
)
_BASELINE = gauge(
    "ml_baseline_feature_attribution_mean", "Mean absolute attribution of a feature in the baseline.", *OF
)


class AttributionMean(Signal):
    """Mean absolute attribution of a feature: how much the model uses it; far from the baseline's is worse.

    ``mean_j = sum_i |a_ij| / n_j`` over the ``n_j`` predictions of the window that tell the attribution ``a_ij``
    of the feature ``j``, in the unit of the model's output or of its margin, as the method that told it has it.

    Range: 0 upwards. Exact: sums are integers of 384 bits.
    Missing: an attribution that is not told counts in neither sum; a 0 that is told does.
    Minimum samples: the configured minimum of attributions of the feature; below it there is no sample.
    Cost: O(features), whatever the number of events.

    Reference: S. Lundberg, S.-I. Lee, A unified approach to interpreting model predictions, NeurIPS 2017: the
    global importance of a feature is the mean of its absolute Shapley values.
    """

    key = "attribution_mean"
    metrics = (_WINDOW, _BASELINE)

    def over_window(self, view: View) -> Samples:
        """Yield the mean of each feature."""
        means = view.derived(of_view)
        if means is None:
            return
        if not np.isnan(means.values).all():
            yield Block(_WINDOW, view.scope, view.context.derived(rows_of), means.values)
        yield from absences(view.scope, self.key, view.context.derived(names_of), means.reasons())

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the means of the baseline."""
        means = context.derived(of_context)
        if means is not None:
            yield Block(_BASELINE, (context.schema.name, version), context.derived(rows_of), means.values)


SIGNAL: Final = AttributionMean()
