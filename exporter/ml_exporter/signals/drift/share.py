"""Share of the features that have drifted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from ml_exporter.core.metrics import NoData, gauge, one
from ml_exporter.signals.drift.comparison import Comparisons
from ml_exporter.signals.drift.measure import WINDOW_LABELS, DriftSignal
from ml_exporter.signals.drift.psi import MEASURE as PSI
from ml_exporter.signals.signal import NO_BASELINE, NO_EVENTS, TOO_FEW_SAMPLES, JointSignal, Samples, Views

MODERATE: Final = 0.1
"""PSI from which on a feature counts as drifted, if it is above its noise floor too (Siddiqi 2006)."""


class DriftShare(JointSignal):
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

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the share of each window."""
        places = views.context.derived(self._psi.places)
        pairs = views.derived(Comparisons)
        samples = pairs.by_view(pairs.samples)
        floors = self._psi.floors(views.context, places, samples)
        scores = pairs.by_view(pairs.derived(PSI.score))
        drifted = ((scores >= MODERATE) & ~(scores <= floors))[:, places.features]
        known = ~places.without_baseline[places.features]
        usable = (samples >= views.context.minimum_samples)[:, places.features] & known
        for view, rows, which, good in zip(views, samples, drifted, usable, strict=True):
            if good.any():
                yield [one(self.metrics[0], float(np.mean(which[good])), *view.scope)]
            else:
                reason = TOO_FEW_SAMPLES if known.any() else NO_BASELINE
                yield [NoData(view.scope, self.key, reason if rows.any() else NO_EVENTS)]


SIGNAL: Final = DriftShare()
