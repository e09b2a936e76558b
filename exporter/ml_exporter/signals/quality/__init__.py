"""Data quality: values that are not there, or not what they should be.

Adding a measure: a file with its ``MEASURE`` beside these, its name in :data:`MEASURES`, its test in
``tests/signals/quality``.
"""

from ml_exporter.signals.quality import absent, missing, nonfinite, out_of_range, type_error, unseen
from ml_exporter.signals.quality.measure import QualityMeasure, QualitySignal
from ml_exporter.signals.signal import Signal

MEASURES: tuple[QualityMeasure, ...] = (
    missing.MEASURE,
    absent.MEASURE,
    type_error.MEASURE,
    nonfinite.MEASURE,
    out_of_range.MEASURE,
    unseen.MEASURE,
)

SIGNALS: tuple[Signal, ...] = tuple(QualitySignal(measure) for measure in MEASURES)
