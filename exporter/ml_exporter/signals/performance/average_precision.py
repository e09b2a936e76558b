"""Average precision."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.averages import macro
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, Scores, scored, scores_of, shares
from ml_exporter.signals.signal import ONE_CLASS


def average_precision(scores: Scores) -> FloatArray:
    """Average precision: mean precision at the score of each positive event; lower is worse.

    ``AP = 1/P sum_b p_b P_b / (P_b + N_b)`` with ``p_b`` the positive outcomes in score bin ``b``, ``P_b`` and
    ``N_b`` the positive and negative ones in it and above, ``P`` all positives: the area under the
    precision-recall curve as steps. ``scores`` are counts (…, 2, bins). Returns (…,); NaN, and no
    sample, without a positive or without a negative.

    Range: 0 to 1; the share of positives is chance. A multiclass model gets the mean over its classes, each
    against the rest, of those that have both.
    Bound: two outcomes in one bin count as tied. The exact value is at least the same sum with the mean over
    ``i = 1 … p_b`` of ``(A + i) / (A + i + N_b)`` in place of the fraction, ``A`` the positives above the bin, and
    at most that with ``P_b / (P_b + N_b - n_b)``, ``n_b`` the negatives in it; the bins are those of
    :func:`roc_auc`. Scores that differ within a bin make the value too low rather than too high, the baseline's
    likewise.
    Missing: predictions without a score and labels of unknown classes are left out.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample. What counts is
    the number of positives.
    Standard error: of two classes, by the delta method from counts by bin that are multinomial: the root of
    ``sum_b p_b g_b^2 + n_b h_b^2`` with ``h_b = -1/P sum_(a <= b) p_a P_a / (P_a + N_a)^2`` and ``g_b = (P_b /
    (P_b + N_b) - AP + sum_(a <= b) p_a N_a / (P_a + N_a)^2) / P``; NaN at 0 and 1 and with a single positive,
    where it knows nothing; below some 20 positives it is too small. None of the mean over more classes: they vary
    together, and the counts by class do not tell how; each class has its own.
    Cost: O(bins), whatever the number of events.

    Reference: C. Manning, P. Raghavan, H. Schütze, Introduction to Information Retrieval, Cambridge 2008,
    section 8.4, eq. (8.8), for one query; A. Agresti, Categorical Data Analysis, 3rd ed., Wiley 2013, section 16.1
    (the error).

    >>> float(average_precision(Scores.of(np.array([[3, 1, 0], [0, 1, 3]]))).round(6))
    0.95
    """
    above = _above(scores)
    share = above[..., 1, :] / np.maximum(above.sum(axis=-2), 1)
    steps = (scores.bins[..., 1, :] * share).sum(axis=-1)
    return shares(steps, scores.totals[..., 1] * (scores.totals[..., 0] > 0))


def error_of(values: FloatArray, scores: Scores) -> FloatArray:
    """Return the standard error of average precisions, (…,), see :func:`average_precision`."""
    above = _above(scores).astype(np.float64)
    named = np.maximum(above.sum(axis=-2, keepdims=True), 1)
    # By bin, how the precision at the positives of the bins below changes with one more of either class in it.
    slopes = (scores.bins[..., 1:, :] * above / named**2).cumsum(axis=-1)
    slopes[..., 0, :] += above[..., 1, :] / named[..., 0, :] - values[..., None]
    slopes[..., 1, :] *= -1.0
    squares = (scores.bins[..., ::-1, :] * slopes**2).sum(axis=(-2, -1))
    error = np.sqrt(squares) / np.maximum(scores.totals[..., 1], 1)
    return np.where((values > 0) & (values < 1) & (scores.totals[..., 1] > 1), error, np.nan)


def _above(scores: Scores) -> IntArray:
    """Return the outcomes of either class in each bin and above it, (…, 2, bins)."""
    return scores.totals[..., None] - scores.upto + scores.bins


def _value(sums: Outcomes) -> FloatArray:
    if sums.schema.task is Task.BINARY:
        return average_precision(scores_of(sums))[..., None]
    return macro(average_precision(scores_of(sums)))


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    if sums.schema.task is not Task.BINARY:
        return np.full_like(values, np.nan)
    return error_of(values[..., 0], scores_of(sums))[..., None]


MEASURE: Final = PerformanceMeasure(
    key="average_precision",
    help="Mean precision at the score of each positive event; mean over classes for multiclass (0 to 1)",
    tasks=CLASSIFICATION,
    value=_value,
    samples=scored,
    undefined=ONE_CLASS,
    standard_error=_error,
)
