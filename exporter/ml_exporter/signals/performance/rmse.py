"""Root mean squared error."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.measure import REGRESSION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, errors_of, estimated, ratio
from ml_exporter.signals.performance.uncertainty import error_of_mean
from ml_exporter.sums.fixed import WIDE

LARGEST_SUM: Final = 2.0**94
"""Sums of squares below it hold no error of more than 2^47, whose fourth power is not counted."""


def rmse(squares: FloatArray, outcomes: IntArray) -> FloatArray:
    """Root mean squared error: typical size of an error, large ones weighing more; higher is worse.

    ``RMSE = sqrt(1/n sum_i (prediction_i - label_i)^2)`` = sqrt(``squares`` / ``outcomes``). Each is
    (…,). Returns (…, 1).

    Range: 0 upwards, in the unit of the label.
    Bound: sums are exact to 2^-192; errors of more than 2^95 count as that.
    Missing: predictions without a value and labels that are not numbers are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Standard error: that of the mean squared error over twice the RMSE (delta method):
    ``sqrt((1/n sum_i e_i^4 - MSE^2) / n) / (2 RMSE)``; NaN with errors of more than 2^47, whose fourth powers are
    not known.
    Cost: O(1).

    Reference: R. Hyndman and A. Koehler, Another look at measures of forecast accuracy, Int. J. Forecasting 22
    (2006), section 2.1, doi:10.1016/j.ijforecast.2006.03.001.

    >>> rmse(16.0, 4).tolist()
    [2.0]
    """
    return np.sqrt(ratio(squares, outcomes))


def _value(sums: Outcomes) -> FloatArray:
    return rmse(errors_of(sums)[..., 2], estimated(sums))


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    outcomes = estimated(sums)
    fourth = ratio(WIDE.decode(sums["error_scales"][..., 2, :]), outcomes)
    squares = values**2
    error = error_of_mean(squares, fourth, outcomes) / np.where(values > 0, 2.0 * values, 1.0)
    return np.where(errors_of(sums)[..., 2:3] < LARGEST_SUM, error, np.nan)


MEASURE: Final = PerformanceMeasure(
    key="rmse",
    help="Root mean squared error in the unit of the label (0 is best)",
    tasks=REGRESSION,
    value=_value,
    samples=estimated,
    standard_error=_error,
)
