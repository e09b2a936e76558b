"""Sums of what each feature added to the predictions, whatever method told it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ml_exporter.core.columns import PredictionColumns
from ml_exporter.core.schema import ModelSchema
from ml_exporter.sums.fixed import WIDE
from ml_exporter.sums.layout import BlockSpec, Sums


class AttributionTally:
    """Adds ``attribution_counts`` (features,) and ``attribution_sums`` (features, 12).

    - ``attribution_counts``: predictions that tell the attribution of a feature.
    - ``attribution_sums``, as :data:`fixed.WIDE`: sum of the attributions' absolute values.

    An attribution that is not told, or not finite, counts in neither. Time: O(features x rows).
    """

    key: ClassVar[str] = "attributions"

    def __init__(self, schema: ModelSchema) -> None:
        features = len(schema.features)
        self.blocks = (
            BlockSpec("attribution_counts", (features,)),
            BlockSpec("attribution_sums", (features, WIDE.limbs)),
        )

    @classmethod
    def of(cls, schema: ModelSchema) -> AttributionTally | None:
        """Return the tally of a model whose events carry attributions; None for others."""
        return cls(schema) if schema.attributed else None

    def add(self, batch: PredictionColumns, sums: Sums) -> None:
        """Add a batch of predictions."""
        if batch.attributions is None:
            return
        told = np.isfinite(batch.attributions)
        some = told.any(axis=0)
        if some.any():
            sizes = np.where(told, np.abs(batch.attributions), 0.0)[:, some]
            sums["attribution_counts"][:] += told.sum(axis=1)
            sums["attribution_sums"][:] += WIDE.totals(sizes)
