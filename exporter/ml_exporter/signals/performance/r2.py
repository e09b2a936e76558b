"""Coefficient of determination."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.measure import REGRESSION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, errors_of, estimated
from ml_exporter.sums.fixed import WIDE


def r2(squares: FloatArray, spread: FloatArray) -> FloatArray:
    """Coefficient of determination: share of the labels' variance that is predicted; lower is worse.

    ``R2 = 1 - sum_i (prediction_i - label_i)^2 / sum_i (label_i - mean)^2`` = 1 - ``squares`` / ``spread``, with
    ``spread = sum_i y_i^2 - (sum_i y_i)^2 / n`` of the labels less a constant, in exact whole steps: nothing
    cancels. Each is (…,). Returns (…, 1); NaN, and no sample, where all labels are equal.

    Range: 1 (right everywhere) down without limit; 0 is as good as the window's mean label, below 0 worse.
    Bound: sums are exact to 2^-192; labels and errors of more than 2^95 count as that.
    Missing: predictions without a value and labels that are not numbers are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(1).

    Reference: N. Draper and H. Smith, Applied Regression Analysis, 3rd ed., Wiley 1998, chapter 1.

    >>> r2(1.0, 4.0).tolist()
    [0.75]
    """
    is_spread = np.asarray(spread > 0)
    return np.where(is_spread, 1.0 - squares / np.where(is_spread, spread, 1.0), np.nan)[..., None]


def spread_of(sums: Outcomes) -> FloatArray:
    """Return the sum of the squared differences of the labels from their mean, (…,)."""
    return sums.derived(_spreads)


def _spreads(sums: Outcomes) -> FloatArray:
    labels = sums["label_sums"]
    outcomes = estimated(sums)
    spreads = map(_spread, labels.reshape(-1, *labels.shape[-2:]), outcomes.ravel().tolist())
    return np.fromiter(spreads, np.float64, outcomes.size).reshape(outcomes.shape)


def _value(sums: Outcomes) -> FloatArray:
    return r2(errors_of(sums)[..., 2], spread_of(sums))


def _spread(labels: IntArray, outcomes: int) -> float:
    above, below, second = map(WIDE.whole, labels)
    one, outcomes = 1 << WIDE.below, max(outcomes, 1)
    return (second * one * outcomes - (above - below) ** 2) / (one * one * outcomes)


MEASURE: Final = PerformanceMeasure(
    key="r2",
    help="Share of the variance of the labels that is predicted (1 is best)",
    tasks=REGRESSION,
    value=_value,
    samples=estimated,
)
