"""Segments: traffic, missing values, drift of the predictions and performance of declared groups of predictions.

Adding a measure of performance: its name in :data:`performance.MEASURES`, its sums in ``sums/segments.py`` where
they are not kept by group yet. Adding another signal: a file with ``SIGNAL`` beside these, its name in
:data:`SIGNALS`.
"""

from ml_exporter.signals.segments import drift, outcomes, performance, predictions
from ml_exporter.signals.signal import Signal

SIGNALS: tuple[Signal, ...] = (
    predictions.SIGNAL,
    drift.SIGNAL,
    *(performance.SegmentPerformance(measure) for measure in performance.MEASURES),
    outcomes.SIGNAL,
)
