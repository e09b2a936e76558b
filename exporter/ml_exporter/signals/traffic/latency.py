"""How fast the model server answered."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.metrics import ONE, Block, histogram
from ml_exporter.signals.signal import Samples, Signal, View
from ml_exporter.sums.fixed import LATENCY
from ml_exporter.sums.traffic import LATENCY_BUCKETS

_LATENCY = histogram(
    "ml_prediction_latency_seconds",
    "Time that the model server took for a prediction, as it told.",
    LATENCY_BUCKETS,
    *("model", "version"),
)


class Latency(Signal):
    """Latency of predictions as a classic histogram, in seconds; higher is worse.

    Predictions that do not tell their latency are left out, so its count may be below that of the
    predictions.
    """

    key = "latency"
    metrics = (_LATENCY,)

    def since_start(self, view: View) -> Samples:
        """Yield the histogram."""
        sums = view.sums["latency"]
        yield Block(_LATENCY, view.scope, ONE, np.append(sums[:-1], sums[-1] * LATENCY.step))


SIGNAL: Final = Latency()
