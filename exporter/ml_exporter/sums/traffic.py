"""Counts of predictions and errors, and the histogram of their latency."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from ml_exporter.core.columns import PredictionColumns
from ml_exporter.core.schema import ModelSchema
from ml_exporter.sums.fixed import LATENCY
from ml_exporter.sums.layout import BlockSpec, Sums

LATENCY_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds: Prometheus' defaults, and two below them: many models answer in milliseconds."""


class TrafficTally:
    """Adds ``traffic`` (predictions, errors) and ``latency`` (buckets, ``+Inf`` last, then the sum)."""

    key: ClassVar[str] = "traffic"

    def __init__(self, schema: ModelSchema) -> None:
        self.blocks = (
            BlockSpec("traffic", (2,)),
            BlockSpec("latency", (len(LATENCY_BUCKETS) + 2,)),
        )

    def add(self, batch: PredictionColumns, sums: Sums) -> None:
        """Add a batch of predictions."""
        traffic = sums["traffic"]
        traffic[0] += batch.rows
        traffic[1] += int(np.count_nonzero(batch.failed))
        known = batch.latency[~np.isnan(batch.latency)]
        if len(known):
            latency = sums["latency"]
            bucket = np.searchsorted(LATENCY_BUCKETS, known, side="left")
            latency[:-1] += np.bincount(bucket, minlength=len(LATENCY_BUCKETS) + 1)
            latency[-1] += LATENCY.encode(known).sum()
