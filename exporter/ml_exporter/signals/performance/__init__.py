"""Performance: how right the model was, once labels have arrived.

Adding a measure: a file with its function and ``MEASURE`` beside these, its name in :data:`MEASURES`,
its test in ``tests/signals/performance``. Its series, its baseline value and its line in the
documentation follow from that.
"""

from ml_exporter.signals.performance import (
    accuracy,
    bias,
    brier,
    constant_accuracy,
    counts,
    expected_calibration_error,
    f1,
    log_loss,
    mae,
    mape,
    precision,
    r2,
    recall,
    rmse,
    roc_auc,
    samples,
)
from ml_exporter.signals.performance.measure import PerformanceMeasure, PerformanceSignal
from ml_exporter.signals.signal import Signal

MEASURES: tuple[PerformanceMeasure, ...] = (
    accuracy.MEASURE,
    constant_accuracy.MEASURE,
    precision.MEASURE,
    recall.MEASURE,
    f1.MEASURE,
    roc_auc.MEASURE,
    log_loss.MEASURE,
    brier.MEASURE,
    expected_calibration_error.MEASURE,
    mae.MEASURE,
    rmse.MEASURE,
    mape.MEASURE,
    r2.MEASURE,
    bias.MEASURE,
)

SIGNALS: tuple[Signal, ...] = (
    *(PerformanceSignal(measure) for measure in MEASURES),
    samples.SIGNAL,
    counts.SIGNAL,
)
