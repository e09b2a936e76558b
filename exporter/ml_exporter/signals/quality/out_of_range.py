"""Values out of range: below the allowed minimum or above the allowed maximum."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import IntArray
from ml_exporter.core.schema import FeatureKind
from ml_exporter.signals.quality.measure import QualityMeasure
from ml_exporter.sums.layout import Sums
from ml_exporter.sums.variables import Cells


def _count(sums: Sums, cells: Cells) -> IntArray:
    counts = np.zeros(len(cells.starts), np.int64)
    counts[: cells.numeric_variables] = sums["variable_range"].sum(axis=1)
    return counts


MEASURE: Final = QualityMeasure(
    "out_of_range",
    "was outside the configured range, or without one outside the baseline's minimum and maximum",
    _count,
    FeatureKind.NUMERIC,
)
