"""How fast the model server answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from ml_exporter.core.metrics import ONE, histogram
from ml_exporter.signals.signal import Columns, JointCounters, Samples, Views
from ml_exporter.sums.fixed import LATENCY
from ml_exporter.sums.traffic import LATENCY_BUCKETS

_LATENCY = histogram(
    "ml_prediction_latency_seconds",
    "Time that the model server took for a prediction, as it told.",
    LATENCY_BUCKETS,
    *("model", "version"),
)


class Latency(JointCounters):
    """Latency of predictions as a classic histogram, in seconds; higher is worse.

    Predictions that do not tell their latency are left out, so its count may be below that of the
    predictions.
    """

    key = "latency"
    metrics = (_LATENCY,)

    def since_starts(self, views: Views) -> Iterable[Samples]:
        """Yield the histogram."""
        buckets = views.sums["latency"].astype(np.float64)
        buckets[:, -1] *= LATENCY.step
        return Columns(views, [(_LATENCY, ONE, buckets)])


SIGNAL: Final = Latency()
