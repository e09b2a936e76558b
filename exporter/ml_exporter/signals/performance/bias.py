"""Bias."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.measure import REGRESSION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, errors_of, estimated, ratio
from ml_exporter.signals.performance.uncertainty import error_of_mean


def bias(over: FloatArray, under: FloatArray, outcomes: IntArray) -> FloatArray:
    """Bias: mean error, positive when the model predicts too much; farther from 0 is worse.

    ``bias = 1/n sum_i (prediction_i - label_i)`` = (``over`` - ``under``) / ``outcomes``, with the sums of the
    positive errors and of the negative ones' magnitudes, in the unit of the label. Each is (…,). Returns (…, 1).

    Range: any number, in the unit of the label; 0 is best.
    Bound: sums are exact to 2^-192; errors of more than 2^95 count as that.
    Missing: predictions without a value and labels that are not numbers are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Standard error: ``sqrt((MSE - bias^2) / n)``.
    Cost: O(1).

    Reference: S. Makridakis, S. Wheelwright, R. Hyndman, Forecasting: Methods and Applications, 3rd ed.,
    Wiley 1998, chapter 2 (mean error).

    >>> bias(3.0, 1.0, 4).tolist()
    [0.5]
    """
    return ratio(over - under, outcomes)


def _value(sums: Outcomes) -> FloatArray:
    errors = errors_of(sums)
    return bias(errors[..., 0], errors[..., 1], estimated(sums))


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    outcomes = estimated(sums)
    squares = ratio(errors_of(sums)[..., 2], outcomes)
    return error_of_mean(values, squares, outcomes)


MEASURE: Final = PerformanceMeasure(
    key="bias",
    help="Mean of prediction minus label in the unit of the label (0 is best)",
    tasks=REGRESSION,
    value=_value,
    samples=estimated,
    standard_error=_error,
)
