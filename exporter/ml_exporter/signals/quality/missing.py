"""Missing values: null or NaN where a value should be; the key was there."""

from __future__ import annotations

from typing import Final

from ml_exporter.signals.quality.measure import QualityMeasure, of_status

MEASURE: Final = QualityMeasure("missing", "was null or NaN", of_status("missing"))
