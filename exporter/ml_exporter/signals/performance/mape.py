"""Mean absolute percentage error."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.measure import REGRESSION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, errors_of, ratio
from ml_exporter.signals.performance.uncertainty import error_of_mean
from ml_exporter.sums.fixed import WIDE


def mape(shares: FloatArray, outcomes: IntArray) -> FloatArray:
    """Mean absolute percentage error: mean error as a share of the label; higher is worse.

    ``MAPE = 1/n sum_i |prediction_i - label_i| / |label_i|`` over the labels that are not 0 = ``shares`` /
    ``outcomes``. Each is (…,). Returns (…, 1).

    Range: 0 upwards, as a ratio: 0.1 is ten percent. Labels of 0 are left out; labels near 0 dominate.
    Bound: sums are exact to 2^-192; shares of more than 2^95 count as that.
    Missing: predictions without a value and labels that are not numbers are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Standard error: that of a mean, from the sum of the squares of each share.
    Cost: O(1).

    Reference: R. Hyndman and A. Koehler, Another look at measures of forecast accuracy, Int. J. Forecasting 22
    (2006), section 2.2, doi:10.1016/j.ijforecast.2006.03.001.

    >>> mape(0.3, 3).round(6).tolist()
    [0.1]
    """
    return ratio(shares, outcomes)


def _samples(sums: Outcomes) -> IntArray:
    return sums["estimated"][..., 1]


def _value(sums: Outcomes) -> FloatArray:
    return mape(errors_of(sums)[..., 3], _samples(sums))


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    outcomes = _samples(sums)
    squares = ratio(WIDE.decode(sums["relative_squares"][..., 0, :]), outcomes)
    return error_of_mean(values, squares, outcomes)


MEASURE: Final = PerformanceMeasure(
    key="mape",
    help="Mean absolute error as a share of the label, labels of 0 left out (0 is best)",
    tasks=REGRESSION,
    value=_value,
    samples=_samples,
    standard_error=_error,
)
