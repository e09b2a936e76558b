"""Performance: how right the model was, once labels have arrived.

Adding a measure: a file with its function and ``MEASURE`` beside these, its name in :data:`MEASURES`,
its test in ``tests/signals/performance``. Its series, its baseline value and its line in the
documentation follow from that.
"""

from ml_exporter.signals.performance import (
    accuracy,
    average_precision,
    balanced_accuracy,
    bias,
    brier,
    calibration_bias,
    calibration_shift,
    constant_accuracy,
    constant_brier,
    constant_log_loss,
    counts,
    error_cusum,
    expected_calibration_error,
    f1,
    f1_macro,
    f1_weighted,
    log_loss,
    mae,
    mape,
    matthews_correlation,
    precision,
    precision_macro,
    precision_weighted,
    r2,
    recall,
    residual_quantile,
    rmse,
    roc_auc,
    samples,
    smape,
    top_k_accuracy,
    wape,
)
from ml_exporter.signals.performance.measure import PerformanceMeasure, PerformanceSignal
from ml_exporter.signals.signal import Signal

MEASURES: tuple[PerformanceMeasure, ...] = (
    accuracy.MEASURE,
    constant_accuracy.MEASURE,
    balanced_accuracy.MEASURE,
    matthews_correlation.MEASURE,
    top_k_accuracy.MEASURE,
    precision.MEASURE,
    precision_macro.MEASURE,
    precision_weighted.MEASURE,
    recall.MEASURE,
    f1.MEASURE,
    f1_macro.MEASURE,
    f1_weighted.MEASURE,
    roc_auc.MEASURE,
    average_precision.MEASURE,
    log_loss.MEASURE,
    constant_log_loss.MEASURE,
    brier.MEASURE,
    constant_brier.MEASURE,
    expected_calibration_error.MEASURE,
    calibration_bias.MEASURE,
    mae.MEASURE,
    rmse.MEASURE,
    mape.MEASURE,
    wape.MEASURE,
    smape.MEASURE,
    r2.MEASURE,
    bias.MEASURE,
    residual_quantile.MEASURE,
)

SIGNALS: tuple[Signal, ...] = (
    *(PerformanceSignal(measure) for measure in MEASURES),
    calibration_shift.SIGNAL,
    error_cusum.SIGNAL,
    samples.SIGNAL,
    counts.SIGNAL,
)
