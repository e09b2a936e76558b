"""Area under the ROC curve."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.averages import macro
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, Scores, scored, scores_of, shares
from ml_exporter.signals.signal import ONE_CLASS


def roc_auc(scores: Scores) -> FloatArray:
    """Area under the ROC curve: chance that a positive event scores above a negative one; lower is worse.

    ``AUC = sum_b p_b (N_b + n_b / 2) / (P N)`` with ``n`` and ``p`` the negative and positive outcomes in
    score bin ``b``, ``N_b`` the negatives in the bins below, ``N`` and ``P`` the totals. ``scores`` are
    counts (…, 2, bins): negatives, positives. Returns (…,); NaN, and no sample, with labels of one class only.

    Range: 0 to 1; 0.5 is chance. A multiclass model gets the mean over its classes, each against the
    rest, of those that have both.
    Bound: two outcomes in one bin count as tied, so the exact value is within
    ``sum_b p_b n_b / (2 P N)``; the bins are 200 quantiles of the baseline's scores; of
    several classes, or without a baseline, they are hundredths. Near 0 and 1 both are finer, down to 0.00001.
    Missing: predictions without a score and labels of unknown classes are left out.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Standard error: of two classes, DeLong's: ``sqrt(v_P / P + v_N / N)`` with ``v_P`` the variance over the
    positives of the share of negatives that each outranks, ``v_N`` that over the negatives of the share of
    positives that outrank each, a tie counting half; none with a single outcome of a class. None of the mean over
    more classes: their areas vary together, and the counts by class do not tell how; each class has its own.
    Cost: O(bins), whatever the number of events.

    Reference: J. Hanley and B. McNeil, The meaning and use of the area under a receiver operating
    characteristic (ROC) curve, Radiology 143 (1982), doi:10.1148/radiology.143.1.7063747; E. DeLong, D. DeLong,
    D. Clarke-Pearson, Comparing the areas under two or more correlated receiver operating characteristic curves,
    Biometrics 44 (1988), doi:10.2307/2531595.

    >>> float(roc_auc(Scores.of(np.array([[3, 1, 0], [0, 1, 3]]))).round(6))
    0.96875
    """
    positive, below = scores.bins[..., 1, :], scores.below[..., 0, :]
    pairs = scores.totals[..., 0].astype(np.float64) * scores.totals[..., 1]
    return shares((positive * below).sum(axis=-1), pairs)


def _value(sums: Outcomes) -> FloatArray:
    if sums.schema.task is Task.BINARY:
        return roc_auc(scores_of(sums))[..., None]
    return macro(roc_auc(scores_of(sums)))


def error_of(areas: FloatArray, scores: Scores) -> FloatArray:
    """Return DeLong's standard error of areas under ROC curves, (…,), see :func:`roc_auc`."""
    # How often those of a class stand above those of the other one; the mean is the area, or what it lacks to 1.
    share = scores.below / np.maximum(scores.totals, 1)[..., None]
    rows = scores.totals[..., ::-1].astype(np.float64)
    squares = (scores.bins[..., ::-1, :] * share**2).sum(axis=-1)
    means = np.array([0.0, 1.0]) + np.array([1.0, -1.0]) * areas[..., None]
    variances = shares(np.maximum(squares - rows * means**2, 0.0), (rows - 1) * rows)
    error: FloatArray = np.sqrt(variances.sum(axis=-1))
    return error


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    if sums.schema.task is not Task.BINARY:
        return np.full_like(values, np.nan)
    return error_of(values[..., 0], scores_of(sums))[..., None]


MEASURE: Final = PerformanceMeasure(
    key="roc_auc",
    help="Area under the ROC curve; mean over classes for multiclass (0 to 1, 0.5 is chance)",
    tasks=CLASSIFICATION,
    value=_value,
    samples=scored,
    undefined=ONE_CLASS,
    standard_error=_error,
)
