"""Symmetric mean absolute percentage error of the best constant value."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.constant_mae import errors_of_constant
from ml_exporter.signals.performance.label_counts import LabelCounts, binned, labels_of
from ml_exporter.signals.performance.measure import REGRESSION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import ratio
from ml_exporter.signals.signal import NO_BASELINE

CONSTANTS: Final = 64
"""Quantiles of the labels that are tried as constants (chosen: the error is flat around its least)."""

TINY: Final = float(np.finfo(np.float64).tiny)


def constant_smape(labels: LabelCounts, errors: FloatArray) -> FloatArray:
    """Symmetric mean absolute percentage error of the best constant value: a model above it is worse than none.

    The least of ``1/n sum_i 2 |label_i - c| / (|label_i| + |c|)`` over 64 constants c, evenly spaced quantiles of
    the window's labels: what always giving it would have reached. There is no formula for the best of all
    constants. ``errors`` (…,) is the sum of the absolute errors of the constant that is best for these. Returns
    (…, 1).

    Range: 0 to 2, as a ratio. Neither high nor low is good or bad: it is the mark to compare sMAPE with.
    Bound: labels are known to 4.5 % of their distance from 0 or from the mean of the baseline's labels,
    whichever is nearer. If all are of one sign it is at most what follows from the constant that is best for MAE.
    Missing: predictions without a value and labels that are not numbers are left out; without labels and
    predictions in the baseline there is no unit for the bins, and no sample. NaN, and no sample, if more than one
    of 20 labels lies beyond 2^8 times the spread of the baseline's labels, where the bins end, or nearer to 0 than
    2^-12 times that.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(bins), whatever the number of events.

    Reference: S. Makridakis, Accuracy measures: theoretical and practical concerns, Int. J. Forecasting 9 (1993),
    doi:10.1016/0169-2070(93)90079-3, with absolute values in the denominator.

    >>> labels = LabelCounts(np.array([0, 4, 2, 0]), np.array([-9.0, 1.0, 3.0, 9.0]), np.zeros(4), np.zeros(4,
    bool)) >>> constant_smape(labels, np.array(4.0)).round(6).tolist() [0.333333]
    """
    windows = labels.counts.reshape(-1, len(labels.values))
    found = np.array([_least(counts, labels) for counts in windows]).reshape(errors.shape)
    least = np.where(labels.of_one_sign(), np.minimum(found, labels.relative(errors)), found)
    return np.where(labels.known(), ratio(least, labels.counts.sum(axis=-1)), np.nan)


def _least(counts: IntArray, labels: LabelCounts) -> float:
    """Return the least sum of errors, of labels ``counts`` (bins,) of one window."""
    held = np.flatnonzero(counts)
    if not len(held):
        return np.nan
    counts, values = counts[held], labels.values[held]
    reached = counts.cumsum()
    tried = np.unique(reached.searchsorted((np.arange(CONSTANTS) + 0.5) / CONSTANTS * reached[-1]))
    sizes = np.abs(values) + np.abs(values[tried])[:, None]
    errors = 2.0 * np.abs(values - values[tried][:, None]) / np.where(sizes > 0, sizes, 1.0)
    errors[np.arange(len(tried)), tried] = labels.around(held[tried]) / np.maximum(np.abs(values[tried]), TINY)
    return float((errors * counts).sum(axis=-1).min())


MEASURE: Final = PerformanceMeasure(
    key="constant_smape",
    help="Symmetric mean absolute percentage error of always giving one best value, the mark for sMAPE",
    tasks=REGRESSION,
    value=lambda sums: constant_smape(labels_of(sums), errors_of_constant(sums)),
    samples=binned,
    unfit=NO_BASELINE,
)
