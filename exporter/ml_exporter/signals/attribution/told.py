"""Attributions that were told, and the sum of their absolute values: from both a fleet's means follow."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.metrics import Block, counter
from ml_exporter.signals.attribution.means import OF, rows_of
from ml_exporter.signals.signal import Samples, Signal, View
from ml_exporter.sums.fixed import WIDE

_SUM = counter("ml_feature_attribution_total", "Sum of the absolute attributions of a feature.", *OF)
_TOLD = counter("ml_feature_attributed_predictions_total", "Predictions that tell a feature's attribution.", *OF)


class Told(Signal):
    """Counters of a model whose events carry attributions; an attribution that is not told counts in neither."""

    key = "attributions_told"
    metrics = (_SUM, _TOLD)

    def since_start(self, view: View) -> Samples:
        """Yield the counters; they begin at 0 for every feature."""
        if view.context.schema.attributed:
            rows = view.context.derived(rows_of)
            yield Block(_SUM, view.scope, rows, WIDE.decode(view.sums["attribution_sums"]))
            yield Block(_TOLD, view.scope, rows, view.sums["attribution_counts"].copy())


SIGNAL: Final = Told()
