"""Type errors: a string, boolean or object where a number should be, an array or object for a category."""

from __future__ import annotations

from typing import Final

from ml_exporter.signals.quality.measure import QualityMeasure, of_status

MEASURE: Final = QualityMeasure("type_error", "had a value of another type", of_status("type_error"))
