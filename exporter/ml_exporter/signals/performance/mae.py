"""Mean absolute error."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.measure import REGRESSION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, errors_of, estimated, ratio
from ml_exporter.signals.performance.uncertainty import error_of_mean


def mae(over: FloatArray, under: FloatArray, outcomes: IntArray) -> FloatArray:
    """Mean absolute error: how far predictions are from labels; higher is worse.

    ``MAE = 1/n sum_i |prediction_i - label_i|`` = (``over`` + ``under``) / ``outcomes``, with the sums of the
    positive errors and of the negative ones' magnitudes, in the unit of the label. Each is (…,). Returns (…, 1).

    Range: 0 upwards, in the unit of the label.
    Bound: sums are exact to 2^-192; errors of more than 2^95 count as that.
    Missing: predictions without a value and labels that are not numbers are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Standard error: ``sqrt((MSE - MAE^2) / n)``.
    Cost: O(1).

    Reference: R. Hyndman and A. Koehler, Another look at measures of forecast accuracy, Int. J. Forecasting 22
    (2006), section 2.1, doi:10.1016/j.ijforecast.2006.03.001.

    >>> mae(3.0, 1.0, 4).tolist()
    [1.0]
    """
    return ratio(over + under, outcomes)


def _value(sums: Outcomes) -> FloatArray:
    errors = errors_of(sums)
    return mae(errors[..., 0], errors[..., 1], estimated(sums))


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    outcomes = estimated(sums)
    squares = ratio(errors_of(sums)[..., 2], outcomes)
    return error_of_mean(values, squares, outcomes)


MEASURE: Final = PerformanceMeasure(
    key="mae",
    help="Mean absolute error in the unit of the label (0 is best)",
    tasks=REGRESSION,
    value=_value,
    samples=estimated,
    standard_error=_error,
)
