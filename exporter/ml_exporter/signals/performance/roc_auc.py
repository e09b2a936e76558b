"""Area under the ROC curve."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.signals.performance.averages import macro
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure, scored
from ml_exporter.signals.signal import ONE_CLASS
from ml_exporter.sums.layout import Sums


def roc_auc(bins: IntArray) -> FloatArray:
    """Area under the ROC curve: chance that a positive event scores above a negative one; lower is worse.

    ``AUC = sum_b p_b (N_b + n_b / 2) / (P N)`` with ``n`` and ``p`` the negative and positive outcomes in
    score bin ``b``, ``N_b`` the negatives in the bins below, ``N`` and ``P`` the totals. ``bins`` is
    (…, 2, bins): negatives, positives. Returns (…,); NaN, and no sample, with labels of one class only.

    Range: 0 to 1; 0.5 is chance. A multiclass model gets the mean over its classes, each against the
    rest, of those that have both.
    Bound: two outcomes in one bin count as tied, so the exact value is within
    ``sum_b p_b n_b / (2 P N)``; the bins are 200 quantiles of the baseline's scores.
    Missing: predictions without a score and labels of unknown classes are left out.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Standard error: of two classes, DeLong's: ``sqrt(v_P / P + v_N / N)`` with ``v_P`` the variance over the
    positives of the share of negatives that each outranks, ``v_N`` that over the negatives of the share of
    positives that outrank each, a tie counting half; none for more classes, nor with a single outcome of a class.
    Cost: O(bins), whatever the number of events.

    Reference: J. Hanley and B. McNeil, The meaning and use of the area under a receiver operating
    characteristic (ROC) curve, Radiology 143 (1982), doi:10.1148/radiology.143.1.7063747; E. DeLong, D. DeLong,
    D. Clarke-Pearson, Comparing the areas under two or more correlated receiver operating characteristic curves,
    Biometrics 44 (1988), doi:10.2307/2531595.

    >>> float(roc_auc(np.array([[3, 1, 0], [0, 1, 3]])).round(6))
    0.96875
    """
    negative, positive = bins[..., 0, :], bins[..., 1, :]
    below = _below(negative)
    pairs = negative.sum(axis=-1) * positive.sum(axis=-1)
    return np.where(pairs > 0, (positive * below).sum(axis=-1) / np.maximum(pairs, 1), np.nan)


def _below(counts: IntArray | FloatArray) -> FloatArray:
    """Return the counts in the bins below each bin, and half of its own."""
    below: FloatArray = counts.cumsum(axis=-1) - counts / 2.0
    return below


def _value(sums: Sums, schema: ModelSchema) -> FloatArray:
    if schema.task is Task.BINARY:
        return roc_auc(sums["score_bins"])[..., None]
    return macro(roc_auc(sums["class_score_bins"]))


def _error(values: FloatArray, sums: Sums, schema: ModelSchema) -> FloatArray:
    if schema.task is not Task.BINARY:
        return np.full_like(values, np.nan)
    bins = sums["score_bins"]
    negative, positive = bins[..., 0, :], bins[..., 1, :]
    total = np.zeros(values.shape[:-1])
    for own, other in ((positive, negative), (negative[..., ::-1], positive[..., ::-1])):
        rows, others = own.sum(axis=-1), other.sum(axis=-1)
        squares = (own * (_below(other) / np.maximum(others, 1)[..., None]) ** 2).sum(axis=-1)
        variance = np.maximum(squares - rows * values[..., 0] ** 2, 0.0) / np.maximum(rows - 1, 1)
        total += np.where((rows > 1) & (others > 0), variance / np.maximum(rows, 1), np.nan)
    return np.sqrt(total)[..., None]


MEASURE: Final = PerformanceMeasure(
    key="roc_auc",
    help="Area under the ROC curve; mean over classes for multiclass (0 to 1, 0.5 is chance)",
    tasks=CLASSIFICATION,
    value=_value,
    samples=scored,
    undefined=ONE_CLASS,
    standard_error=_error,
)
