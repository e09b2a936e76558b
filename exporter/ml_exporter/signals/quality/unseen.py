"""Unseen categories: a category that neither the baseline nor the configuration knows."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.schema import FeatureKind
from ml_exporter.signals.quality.measure import QualityMeasure, of_status

MEASURE: Final = QualityMeasure(
    "unseen",
    "had a category that is neither in the baseline nor allowed",
    of_status("other"),
    FeatureKind.CATEGORICAL,
)
