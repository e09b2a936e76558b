"""Root mean squared error of the best constant value."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.measure import REGRESSION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import estimated
from ml_exporter.signals.performance.r2 import spread_of


def constant_rmse(spread: FloatArray, outcomes: IntArray) -> FloatArray:
    """Root mean squared error of the best constant value: a model above it is worse than none.

    ``sqrt(sum_i (label_i - mean)^2 / n)``, the standard deviation of the window's labels: what always giving their
    mean would have reached. ``spread`` is the sum of squares, ``outcomes`` n, each (…,). Returns (…, 1).

    Range: 0 upwards, in the unit of the label. Neither high nor low is good or bad: it is the mark to compare RMSE
    with; R2 is 1 less the square of their ratio.
    Bound: sums are exact to 2^-192; labels of more than 2^95 count as that.
    Missing: predictions without a value and labels that are not numbers are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(1).

    Reference: N. Draper and H. Smith, Applied Regression Analysis, 3rd ed., Wiley 1998, chapter 1.

    >>> constant_rmse(np.array(4.0), np.array(16)).tolist()
    [0.5]
    """
    return np.sqrt(np.maximum(spread, 0.0) / np.maximum(outcomes, 1))[..., None]


MEASURE: Final = PerformanceMeasure(
    key="constant_rmse",
    help="Root mean squared error of always giving the mean of the labels, the mark for RMSE",
    tasks=REGRESSION,
    value=lambda sums: constant_rmse(spread_of(sums), estimated(sums)),
    samples=estimated,
)
