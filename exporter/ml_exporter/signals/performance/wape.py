"""Weighted absolute percentage error."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.measure import REGRESSION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, errors_of, measured, shares
from ml_exporter.sums.fixed import WIDE


def wape(errors: FloatArray, labels: FloatArray) -> FloatArray:
    """Weighted absolute percentage error: sum of the errors as a share of the labels' sum; higher is worse.

    ``WAPE = sum_i |prediction_i - label_i| / sum_i |label_i|`` = ``errors`` / ``labels``, the MAE over the mean
    size of a label. Each is (…,). Returns (…, 1); NaN, and no sample, where all labels are 0.

    Range: 0 upwards, as a ratio: 0.1 is ten percent. Labels of 0 and near 0 weigh little, unlike in MAPE.
    Bound: sums are exact to 2^-192; errors and labels of more than 2^95 count as that.
    Missing: predictions without a value and labels that are not numbers are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Standard error: that of a ratio of means, ``sqrt(sum_i (|e_i| - W |y_i|)^2) / sum_i |y_i|`` with e the errors,
    y the labels and W the WAPE.
    Cost: O(1).

    Reference: S. Kolassa and W. Schütz, Advantages of the MAD/Mean ratio over the MAPE, Foresight 6 (2007);
    W. Cochran, Sampling Techniques, 3rd ed., Wiley 1977, section 6.3 (the error).

    >>> wape(3.0, 30.0).tolist()
    [0.1]
    """
    return np.asarray(shares(errors, labels))[..., None]


def _value(sums: Outcomes) -> FloatArray:
    errors = errors_of(sums)
    return wape(errors[..., 0] + errors[..., 1], WIDE.decode(sums["error_scales"][..., 0, :]))


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    both, labels = np.moveaxis(WIDE.decode(sums["relative_squares"][..., 2:, :]), -1, 0)
    ratios = values[..., 0]
    square = errors_of(sums)[..., 2] - 2.0 * ratios * both + ratios**2 * labels
    sizes = WIDE.decode(sums["error_scales"][..., 0, :])
    return np.asarray(shares(np.sqrt(np.maximum(square, 0.0)), sizes))[..., None]


MEASURE: Final = PerformanceMeasure(
    key="wape",
    help="Sum of the absolute errors as a share of the sum of the labels' sizes (0 is best)",
    tasks=REGRESSION,
    value=_value,
    samples=measured,
    standard_error=_error,
)
