"""Infinities and numbers beyond the range of a 64-bit float."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.schema import FeatureKind
from ml_exporter.signals.quality.measure import QualityMeasure, of_status

MEASURE: Final = QualityMeasure(
    "nonfinite", "was infinite or too large for a 64-bit float", of_status("other"), FeatureKind.NUMERIC
)
