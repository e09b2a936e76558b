"""Symmetric mean absolute percentage error of the best constant value."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.label_counts import LabelCounts, binned, labels_of
from ml_exporter.signals.performance.measure import REGRESSION, PerformanceMeasure
from ml_exporter.signals.signal import NO_BASELINE

CONSTANTS: Final = 64
"""Quantiles of the labels that are tried as constants (chosen: the error is flat around its least)."""


def constant_smape(labels: LabelCounts) -> FloatArray:
    """Symmetric mean absolute percentage error of the best constant value: a model above it is worse than none.

    The least of ``1/n sum_i 2 |label_i - c| / (|label_i| + |c|)`` over 64 constants c, evenly spaced quantiles of
    the window's labels: what always giving it would have reached. There is no formula for the best of all
    constants. Returns (…, 1); NaN, and no sample, without labels.

    Range: 0 to 2, as a ratio. Neither high nor low is good or bad: it is the mark to compare sMAPE with.
    Bound: labels are known to 4.5 % of their distance from 0 or from the mean of the baseline's predictions,
    whichever is nearer; those beyond 2^8 standard deviations of the predictions count as at that.
    Missing: predictions without a value and labels that are not numbers are left out; without predictions in the
    baseline there is no unit for the bins, and no sample.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(bins), whatever the number of events.

    Reference: S. Makridakis, Accuracy measures: theoretical and practical concerns, Int. J. Forecasting 9 (1993),
    doi:10.1016/0169-2070(93)90079-3, with absolute values in the denominator.

    >>> constant_smape(LabelCounts(np.array([4, 2]), np.array([1.0, 3.0]))).round(6).tolist()
    [0.333333]
    """
    windows = labels.counts.reshape(-1, len(labels.values))
    least = np.array([_least(counts, labels.values) for counts in windows])
    return least.reshape(*labels.counts.shape[:-1], 1)


def _least(counts: IntArray, values: FloatArray) -> float:
    held = np.flatnonzero(counts)
    if not len(held):
        return np.nan
    counts, values = counts[held], values[held]
    reached = counts.cumsum()
    wanted = (np.arange(CONSTANTS) + 0.5) / CONSTANTS * reached[-1]
    tried = np.unique(values[reached.searchsorted(wanted)])[:, None]
    sizes = np.abs(values) + np.abs(tried)
    terms = 2.0 * np.abs(values - tried) / np.where(sizes > 0, sizes, 1.0)
    return float((terms * counts).sum(axis=-1).min() / reached[-1])


MEASURE: Final = PerformanceMeasure(
    key="constant_smape",
    help="Symmetric mean absolute percentage error of always giving one best value, the mark for sMAPE",
    tasks=REGRESSION,
    value=lambda sums: constant_smape(labels_of(sums)),
    samples=binned,
    unfit=NO_BASELINE,
)
