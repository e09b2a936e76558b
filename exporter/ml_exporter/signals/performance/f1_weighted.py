"""Weighted F1."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.averages import weighted
from ml_exporter.signals.performance.f1 import f1_of
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, confused, confusion_of
from ml_exporter.signals.performance.uncertainty import error_of_counts


def f1_weighted(f1: FloatArray, labels: IntArray) -> FloatArray:
    """Weighted F1: mean F1 of the classes, each weighing as its labels; lower is worse.

    ``sum_c t_c f1_c / sum_c t_c`` over the classes that have one, with ``f1`` (…, classes) and ``t_c`` the
    ``labels`` (…, classes) of class c; a class neither predicted nor true has none and is left out. Returns
    (…, 1); NaN, and no sample, without any.

    Range: 0 to 1. Exact: the counts lose nothing. Frequent classes decide; weighted so, recall would be accuracy.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Standard error: by the delta method from counts n that are multinomial, the root of ``sum_ij n_ij g_ij^2`` with
    ``g_ij = (2 [i = j] t_i / s_i - f1_i t_i / s_i - f1_j t_j / s_j + f1_i - v) / t``, v the value, s_c the labels
    and the predictions of class c, t all labels; NaN where it is 0, as if all predictions are right: it knows
    nothing then.
    Cost: O(classes^2).

    Reference: M. Sokolova and G. Lapalme, A systematic analysis of performance measures for classification tasks,
    Inf. Process. Manag. 45 (2009), doi:10.1016/j.ipm.2009.03.002; A. Agresti, Categorical Data Analysis, 3rd ed.,
    Wiley 2013, section 16.1 (the error).

    >>> f1_weighted(np.array([32 / 37, 18 / 23]), np.array([20, 10])).round(6).tolist()
    [0.837446]
    """
    return weighted(f1, labels)


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    of = confusion_of(sums)
    touched = of.actual + of.predicted
    shown = np.where(touched > 0, f1_of(sums), values)
    weight = 1.0 / np.maximum(of.outcomes, 1)[..., None]
    each = weight * of.actual / np.maximum(touched, 1)
    less = -shown * each
    return error_of_counts(of, less + weight * (shown - values), less, 2.0 * each)


MEASURE: Final = PerformanceMeasure(
    key="f1_weighted",
    help="Mean F1 of the classes, each weighing as its labels (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums: f1_weighted(f1_of(sums), confusion_of(sums).actual),
    samples=confused,
    standard_error=_error,
)
