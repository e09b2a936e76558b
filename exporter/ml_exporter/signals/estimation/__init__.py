"""Estimation: how right the model will turn out to have been, before labels come, from calibrated scores.

Confidence-based performance estimation (CBPE): a prediction whose calibrated score says 0.8 is expected to be
right eight times in ten. Measures are those of performance over expected counts, and the gap between what came
and what was expected. Adding one: a file with its function and ``MEASURE`` beside these, its name in
:data:`ESTIMATES` or :data:`GAPS`, its test in ``tests/signals/estimation``.
"""

from ml_exporter.signals.estimation import (
    accuracy,
    counts,
    f1,
    gap_accuracy,
    gap_roc_auc,
    precision,
    recall,
    roc_auc,
    samples,
)
from ml_exporter.signals.estimation.measure import EstimationSignal, GapSignal
from ml_exporter.signals.performance.measure import PerformanceMeasure
from ml_exporter.signals.signal import Signal

ESTIMATES: tuple[PerformanceMeasure, ...] = (
    accuracy.MEASURE,
    precision.MEASURE,
    recall.MEASURE,
    f1.MEASURE,
    roc_auc.MEASURE,
)

GAPS: tuple[PerformanceMeasure, ...] = (
    gap_accuracy.MEASURE,
    gap_roc_auc.MEASURE,
)

MEASURES = (*ESTIMATES, *GAPS)

SIGNALS: tuple[Signal, ...] = (
    *(EstimationSignal(measure) for measure in ESTIMATES),
    samples.SIGNAL,
    *(GapSignal(measure) for measure in GAPS),
    counts.SIGNAL,
)
