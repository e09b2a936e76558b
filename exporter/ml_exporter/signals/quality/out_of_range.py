"""Values out of range: below the allowed minimum or above the allowed maximum."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import IntArray
from ml_exporter.core.schema import FeatureKind
from ml_exporter.signals.quality.measure import QualityMeasure
from ml_exporter.signals.signal import ModelContext
from ml_exporter.sums.layout import Sums


def _count(sums: Sums, context: ModelContext) -> IntArray:
    beyond = sums["variable_range"].sum(axis=-1)
    counts = np.zeros((*beyond.shape[:-1], len(context.schema.variables)), np.int64)
    counts[..., : beyond.shape[-1]] = beyond
    return counts


MEASURE: Final = QualityMeasure(
    "out_of_range",
    "was outside the configured range, or without one outside the baseline's minimum and maximum",
    _count,
    FeatureKind.NUMERIC,
)
