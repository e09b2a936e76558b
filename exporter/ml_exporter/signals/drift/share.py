"""Share of the features that have drifted."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.metrics import NoData, gauge, one
from ml_exporter.signals.drift.comparison import comparison_of
from ml_exporter.signals.drift.measure import WINDOW_LABELS, DriftSignal
from ml_exporter.signals.drift.psi import MEASURE as PSI
from ml_exporter.signals.signal import NO_BASELINE, NO_EVENTS, TOO_FEW_SAMPLES, Samples, Signal, View

MODERATE: Final = 0.1
"""PSI from which on a feature counts as drifted, if it is above its noise floor too (Siddiqi 2006)."""


class DriftShare(Signal):
    """Share of the features with a PSI of at least 0.1 and above its noise floor; higher is worse.

    Range 0 to 1, over the features that have a score. This is the exporter's own count for a page and a
    heatmap; an alert with another threshold counts the PSI series itself.
    """

    key = "drift_share"
    metrics = (
        gauge(
            "ml_feature_drift_share_ratio",
            "Share of features whose PSI is at least 0.1 and above its noise floor within the window.",
            *WINDOW_LABELS,
        ),
    )
    _psi = DriftSignal(PSI)

    def over_window(self, view: View) -> Samples:
        """Yield the share; a model none of whose features can be compared has none."""
        places = view.context.derived(self._psi.places)
        comparison = view.derived(comparison_of)
        samples = comparison.samples
        usable = (samples >= view.context.minimum_samples) & ~places.without_baseline
        usable = usable[places.features]
        if not usable.any():
            reason = NO_BASELINE if places.without_baseline[places.features].all() else TOO_FEW_SAMPLES
            yield NoData(view.scope, self.key, reason if samples.any() else NO_EVENTS)
            return
        scores = PSI.score(comparison)
        floors = view.context.reference.noise.at(PSI.key, places.variables, samples)
        drifted = (scores >= MODERATE) & ~(scores <= floors)
        yield one(self.metrics[0], float(np.mean(drifted[places.features][usable])), *view.scope)


SIGNAL: Final = DriftShare()
