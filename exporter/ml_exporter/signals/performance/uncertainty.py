"""How far a measure may be off by chance: standard errors of means, intervals of shares."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.outcomes import Confusion
from ml_exporter.sums.classification import SCORED_CLASSES

Z: Final = 1.959963984540054
"""The 97.5 % quantile of the normal distribution: an interval of this many standard errors holds 95 %."""


def error_of_mean(mean: FloatArray, mean_of_squares: FloatArray, outcomes: IntArray) -> FloatArray:
    """Return the standard error of a mean: ``sqrt((mean_of_squares - mean^2) / outcomes)``, (…, 1).

    Means are (…, 1), ``outcomes`` (…,).

    >>> error_of_mean(np.array([2.0]), np.array([5.0]), 100).tolist()
    [0.1]
    """
    return np.sqrt(np.maximum(mean_of_squares - mean * mean, 0.0) / np.maximum(outcomes, 1)[..., None])


def error_of_counts(of: Confusion, true: FloatArray, predicted: FloatArray, right: FloatArray) -> FloatArray:
    """Return the standard error of a function of confusion counts n by the delta method, (…, 1).

    ``sqrt(sum_ij n_ij (true_i + predicted_j + [i = j] right_i)^2)``, where what is squared is the derivative of
    the function by n_ij, given in three parts (…, classes or 1), for counts that are multinomial and a function
    that does not change if all of them are multiplied. NaN where it is 0, as if all outcomes are right: it knows
    nothing then.

    Reference: A. Agresti, Categorical Data Analysis, 3rd ed., Wiley 2013, section 16.1.

    The share of right ones, 17 of 20, has ``sqrt(0.85 * 0.15 / 20)``:

    >>> of = Confusion.of(np.array([[8, 2], [1, 9]]))
    >>> error_of_counts(of, np.zeros(2), np.full(2, -0.85 / 20), np.full(2, 1 / 20)).round(6).tolist()
    [0.079844]
    """
    slopes = true[..., :, None] + predicted[..., None, :]
    np.einsum("...ii->...i", slopes)[:] += right
    square = np.einsum("...ij,...ij,...ij->...", of.counts, slopes, slopes)
    # What is not exactly 0 by rounding is far below the variance of a single one of the outcomes.
    error: FloatArray = np.sqrt(np.where(square * of.outcomes > 1e-20, square, np.nan))[..., None]
    return error


def error_of_area(area: FloatArray, negatives: FloatArray, positives: FloatArray) -> FloatArray:
    """Return Hanley's and McNeil's standard error of areas under ROC curves, all (…,); NaN without both classes.

    ``sqrt((A (1 - A) + (P - 1) (A / (2 - A) - A^2) + (N - 1) (2 A^2 / (1 + A) - A^2)) / (P N))``, for numbers of
    events that need not be whole.

    Reference: J. Hanley and B. McNeil, The meaning and use of the area under a receiver operating characteristic
    (ROC) curve, Radiology 143 (1982), doi:10.1148/radiology.143.1.7063747.

    >>> error_of_area(np.array([0.8]), np.array([50.0]), np.array([50.0])).round(4).tolist()
    [0.0445]
    """
    square = area * area
    above = (positives - 1.0) * (area / (2.0 - area) - square)
    below = (negatives - 1.0) * (2.0 * square / (1.0 + area) - square)
    pairs = positives * negatives
    square = np.maximum(area * (1.0 - area) + above + below, 0.0) / np.where(pairs > 0, pairs, np.nan)
    error: FloatArray = np.sqrt(square)
    return error


def wilson(hits: IntArray, trials: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the ends of the 95 % Wilson interval of the shares ``hits`` / ``trials``; NaN without trials.

    ``(p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)``, z = 1.96. It lies within 0 and 1 and
    holds for few trials and for shares near the ends, too.

    Reference: E. Wilson, Probable inference, the law of succession, and statistical inference, J. Am. Stat. Assoc.
    22 (1927), doi:10.1080/01621459.1927.10502953.

    >>> [end.round(4).tolist() for end in wilson(np.array([9]), np.array([10]))]
    [[0.5958], [0.9821]]
    """
    n = np.where(trials > 0, trials, np.nan)
    share, extra = hits / n, Z * Z / n
    middle, whole = share + extra / 2.0, 1.0 + extra
    half = Z * np.sqrt(share * (1.0 - share) / n + extra / (4.0 * n))
    return np.maximum((middle - half) / whole, 0.0), np.minimum((middle + half) / whole, 1.0)


def error_of_share(share: FloatArray, trials: FloatArray | IntArray) -> FloatArray:
    """Return the standard error of shares of ``trials``, both (…, classes): ``sqrt(p (1 - p) / n)``.

    NaN at 0 and 1, where it knows nothing, and for models of more than :data:`SCORED_CLASSES` classes, which would
    have too many series.

    >>> error_of_share(np.array([0.5, 1.0]), np.array([100, 100])).tolist()
    [0.05, nan]
    """
    spread = share * (1.0 - share)
    is_told = (spread > 0) & (share.shape[-1] <= SCORED_CLASSES)
    return np.sqrt(np.where(is_told, spread, np.nan) / np.maximum(trials, 1))


def wilson_by_class(right: IntArray, trials: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return :func:`wilson` of each class's share of right ones, all (…, classes).

    NaN for models of more than :data:`SCORED_CLASSES` classes, which would have too many series.
    """
    return wilson(right, trials if trials.shape[-1] <= SCORED_CLASSES else np.zeros_like(trials))
