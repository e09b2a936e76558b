"""Absent columns: the event did not name the feature at all."""

from __future__ import annotations

from typing import Final

from ml_exporter.signals.quality.measure import QualityMeasure, of_status

MEASURE: Final = QualityMeasure("absent", "was not in the event", of_status("absent"))
