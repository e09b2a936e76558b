"""Macro precision."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.averages import macro
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, confused, confusion_of
from ml_exporter.signals.performance.precision import precision_of
from ml_exporter.signals.performance.uncertainty import error_of_counts


def precision_macro(precision: FloatArray) -> FloatArray:
    """Macro precision: mean precision of the classes, each weighing the same; lower is worse.

    ``1/k sum_c precision_c`` over the k classes that have one, with ``precision`` (…, classes); a class never
    predicted has none and is left out. Returns (…, 1); NaN, and no sample, without any.

    Range: 0 to 1. Exact: the counts lose nothing. A rare class with a handful of labels weighs as much as the
    others.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Standard error: ``1/k sqrt(sum_c precision_c (1 - precision_c) / p_c)`` with p_c the predictions of class c, by
    the delta method from counts that are multinomial; NaN where it is 0, as if all predictions are right: it knows
    nothing then.
    Cost: O(classes^2).

    Reference: M. Sokolova and G. Lapalme, A systematic analysis of performance measures for classification tasks,
    Inf. Process. Manag. 45 (2009), doi:10.1016/j.ipm.2009.03.002; A. Agresti, Categorical Data Analysis, 3rd ed.,
    Wiley 2013, section 16.1 (the error).

    >>> precision_macro(np.array([16 / 17, 9 / 13])).round(6).tolist()
    [0.816742]
    """
    return macro(precision)


def _error(_: FloatArray, sums: Outcomes) -> FloatArray:
    of, values = confusion_of(sums), precision_of(sums)
    is_known = of.predicted > 0
    each = 1.0 / (np.maximum(of.predicted, 1) * np.maximum(is_known.sum(axis=-1, keepdims=True), 1))
    return error_of_counts(of, np.zeros(values.shape), -np.where(is_known, values, 0.0) * each, each)


MEASURE: Final = PerformanceMeasure(
    key="precision_macro",
    help="Mean precision of the classes, each weighing the same (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums: precision_macro(precision_of(sums)),
    samples=confused,
    standard_error=_error,
)
