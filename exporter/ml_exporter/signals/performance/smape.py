"""Symmetric mean absolute percentage error."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.measure import REGRESSION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, measured, ratio
from ml_exporter.signals.performance.uncertainty import error_of_mean
from ml_exporter.sums.fixed import WIDE


def smape(shares: FloatArray, outcomes: IntArray) -> FloatArray:
    """Symmetric mean absolute percentage error: mean error as a share of label and prediction; higher is worse.

    ``sMAPE = 1/n sum_i 2 |prediction_i - label_i| / (|prediction_i| + |label_i|)`` = ``shares`` / ``outcomes``;
    where both are 0 the term is 0. Each is (…,). Returns (…, 1).

    Range: 0 to 2, as a ratio: 0.1 is ten percent. A term is 2 wherever the signs differ or one of the two is 0;
    the same error weighs more below the label than above it.
    Bound: sums are exact to 2^-192.
    Missing: predictions without a value and labels that are not numbers are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Standard error: that of a mean, from the sum of the squares of each term.
    Cost: O(1).

    Reference: S. Makridakis, Accuracy measures: theoretical and practical concerns, Int. J. Forecasting 9 (1993),
    doi:10.1016/0169-2070(93)90079-3, with absolute values in the denominator.

    >>> smape(0.3, 3).round(6).tolist()
    [0.1]
    """
    return ratio(shares, outcomes)


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    outcomes = measured(sums)
    squares = ratio(WIDE.decode(sums["relative_squares"][..., 1, :]), outcomes)
    return error_of_mean(values, squares, outcomes)


MEASURE: Final = PerformanceMeasure(
    key="smape",
    help="Mean absolute error as a share of the mean of label and prediction (0 to 2, 0 is best)",
    tasks=REGRESSION,
    value=lambda sums: smape(WIDE.decode(sums["error_scales"][..., 1, :]), measured(sums)),
    samples=measured,
    standard_error=_error,
)
