"""Weighted precision."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.averages import weighted
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, confused, confusion_of
from ml_exporter.signals.performance.precision import precision_of
from ml_exporter.signals.performance.uncertainty import error_of_counts


def precision_weighted(precision: FloatArray, labels: IntArray) -> FloatArray:
    """Weighted precision: mean precision of the classes, each weighing as its labels; lower is worse.

    ``sum_c t_c precision_c / sum_c t_c`` over the classes that have one, with ``precision`` (…, classes) and
    ``t_c`` the ``labels`` (…, classes) of class c; a class never predicted has none and is left out.
    Returns (…, 1); NaN, and no sample, without any.

    Range: 0 to 1. Exact: the counts lose nothing. Frequent classes decide; weighted so, recall would be accuracy.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Standard error: by the delta method from counts n that are multinomial, the root of ``sum_ij n_ij g_ij^2`` with
    ``g_ij = ([i = j] - precision_j) t_j / (p_j t) + (precision_i - v) / t``, v the value, p_j the predictions of
    class j, t all labels of classes that have a precision; NaN where it is 0, as if all predictions are right: it
    knows nothing then.
    Cost: O(classes^2).

    Reference: M. Sokolova and G. Lapalme, A systematic analysis of performance measures for classification tasks,
    Inf. Process. Manag. 45 (2009), doi:10.1016/j.ipm.2009.03.002; A. Agresti, Categorical Data Analysis, 3rd ed.,
    Wiley 2013, section 16.1 (the error).

    >>> precision_weighted(np.array([16 / 17, 9 / 13]), np.array([20, 10])).round(6).tolist()
    [0.85822]
    """
    return weighted(precision, labels)


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    of = confusion_of(sums)
    is_known = of.predicted > 0
    shown = np.where(is_known, precision_of(sums), values)
    weight = 1.0 / np.maximum((of.actual * is_known).sum(axis=-1, keepdims=True), 1)
    each = weight * of.actual / np.maximum(of.predicted, 1)
    return error_of_counts(of, weight * (shown - values), -shown * each, each)


MEASURE: Final = PerformanceMeasure(
    key="precision_weighted",
    help="Mean precision of the classes, each weighing as its labels (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums: precision_weighted(precision_of(sums), confusion_of(sums).actual),
    samples=confused,
    standard_error=_error,
)
