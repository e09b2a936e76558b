"""Counts of joined labels and the histogram of their delay."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from ml_exporter.core.columns import OutcomeColumns
from ml_exporter.core.schema import ModelSchema
from ml_exporter.sums.fixed import DELAY
from ml_exporter.sums.layout import BlockSpec, Sums

DELAY_BUCKETS: Final = (
    1.0,
    10.0,
    60.0,
    300.0,
    1800.0,
    3600.0,
    10800.0,
    21600.0,
    43200.0,
    86400.0,
    259200.0,
    604800.0,
)
"""Upper bounds in seconds, from a second to a week (chosen)."""

_BOUNDS: Final = np.array(DELAY_BUCKETS)


class LabelTally:
    """Adds ``label_delay``: labels joined, by bucket of their delay (``+Inf`` last), then the sum."""

    key: ClassVar[str] = "labels"

    def __init__(self, schema: ModelSchema) -> None:
        self.blocks = (BlockSpec("label_delay", (len(DELAY_BUCKETS) + 2,)),)

    def add(self, batch: OutcomeColumns, sums: Sums) -> None:
        """Add a batch of labelled predictions."""
        delay = sums["label_delay"]
        bucket = _BOUNDS.searchsorted(batch.delay, side="left")
        delay[:-1] += np.bincount(bucket, minlength=len(DELAY_BUCKETS) + 1)
        delay[-1] += DELAY.encode(batch.delay).sum()
