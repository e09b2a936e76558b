"""Coefficient of determination."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.schema import ModelSchema
from ml_exporter.signals.performance.measure import REGRESSION, PerformanceMeasure, estimated
from ml_exporter.sums.fixed import SQUARED_ERRORS, VALUES
from ml_exporter.sums.layout import Sums


def r2(squares: float, label_sum: float, label_squares: float, outcomes: int) -> FloatArray:
    """Coefficient of determination: share of the labels' variance that is predicted; lower is worse.

    ``R2 = 1 - sum_i (prediction_i - label_i)^2 / sum_i (label_i - mean)^2``; the denominator is
    ``label_squares - label_sum^2 / outcomes``, with sums of the labels less a constant. Returns (1,); NaN,
    and no sample, where all labels are equal.

    Range: 1 (right everywhere) down without limit; 0 is as good as the window's mean label, below 0 worse.
    Bound: squared errors as for RMSE; labels in steps of 2^-20 of the baseline's standard deviation, and
    at most 64 of these from its mean.
    Missing: predictions without a value and labels that are not numbers are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(1).

    Reference: N. Draper and H. Smith, Applied Regression Analysis, 3rd ed., Wiley 1998, chapter 1.

    >>> r2(1.0, 0.0, 4.0, 4).tolist()
    [0.75]
    """
    spread = label_squares - label_sum**2 / max(outcomes, 1)
    return np.array([1.0 - squares / spread if spread > 0 else np.nan])


def _value(sums: Sums, schema: ModelSchema) -> FloatArray:
    squares = float(sums["errors"][3]) * SQUARED_ERRORS.step * schema.error_unit**2
    above, below, second = (sums["label_moments"] * VALUES.step).tolist()
    scale = schema.label_scale
    return r2(squares, (above - below) * scale, second * scale**2, estimated(sums))


MEASURE: Final = PerformanceMeasure(
    key="r2",
    help="Share of the variance of the labels that is predicted (1 is best)",
    tasks=REGRESSION,
    value=_value,
    samples=estimated,
)
