"""Unseen categories: a category that is not among the baseline's 50 most frequent, nor allowed."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.schema import FeatureKind
from ml_exporter.signals.quality.measure import QualityMeasure, of_status

MEASURE: Final = QualityMeasure(
    "unseen",
    "had a category that is not among the baseline's 50 most frequent, nor allowed",
    of_status("other"),
    FeatureKind.CATEGORICAL,
)
