"""Data quality: values that are not there, or not what they should be.

Adding a measure: a file with its ``MEASURE`` beside these, its name in :data:`MEASURES`, its test in
``tests/signals/quality``. What is no count of bad values has a ``SIGNAL`` of its own, listed in :data:`SIGNALS`.
"""

from ml_exporter.signals.quality import (
    absent,
    missing,
    modal,
    nonfinite,
    out_of_range,
    outlier,
    repeats,
    type_error,
    unseen,
)
from ml_exporter.signals.quality.measure import QualityMeasure, QualitySignal
from ml_exporter.signals.signal import Signal

MEASURES: tuple[QualityMeasure, ...] = (
    missing.MEASURE,
    absent.MEASURE,
    type_error.MEASURE,
    nonfinite.MEASURE,
    out_of_range.MEASURE,
    unseen.MEASURE,
    outlier.MEASURE,
)

SIGNALS: tuple[Signal, ...] = (
    *(QualitySignal(measure) for measure in MEASURES),
    modal.SIGNAL,
    repeats.SIGNAL,
)
