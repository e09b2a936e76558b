"""Macro F1."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.averages import macro
from ml_exporter.signals.performance.f1 import f1_of
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, confused, confusion_of
from ml_exporter.signals.performance.uncertainty import error_of_counts


def f1_macro(f1: FloatArray) -> FloatArray:
    """Macro F1: mean F1 of the classes, each weighing the same; lower is worse.

    ``1/k sum_c f1_c`` over the k classes that have one, with ``f1`` (…, classes); a class neither predicted nor
    true has none and is left out. Returns (…, 1); NaN, and no sample, without any.

    Range: 0 to 1. Exact: the counts lose nothing. A rare class with a handful of labels weighs as much as the
    others.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Standard error: by the delta method from counts n that are multinomial, the root of ``sum_ij n_ij g_ij^2`` with
    ``g_ij = (2 [i = j] / s_i - f1_i / s_i - f1_j / s_j) / k``, s_c the labels and the predictions of class c; NaN
    where it is 0, as if all predictions are right: it knows nothing then.
    Cost: O(classes^2).

    Reference: M. Sokolova and G. Lapalme, A systematic analysis of performance measures for classification tasks,
    Inf. Process. Manag. 45 (2009), doi:10.1016/j.ipm.2009.03.002; K. Takahashi, K. Yamamoto, A. Kuchiba, T.
    Koyama, Confidence interval for micro-averaged F1 and macro-averaged F1 scores, Appl. Intell. 52 (2022),
    doi:10.1007/s10489-021-02635-5 (the error).

    >>> f1_macro(np.array([32 / 37, 18 / 23])).round(6).tolist()
    [0.823737]
    """
    return macro(f1)


def _error(_: FloatArray, sums: Outcomes) -> FloatArray:
    of, values = confusion_of(sums), f1_of(sums)
    touched = of.actual + of.predicted
    is_known = touched > 0
    each = 1.0 / (np.maximum(touched, 1) * np.maximum(is_known.sum(axis=-1, keepdims=True), 1))
    less = -np.where(is_known, values, 0.0) * each
    return error_of_counts(of, less, less, 2.0 * each)


MEASURE: Final = PerformanceMeasure(
    key="f1_macro",
    help="Mean F1 of the classes, each weighing the same (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums: f1_macro(f1_of(sums)),
    samples=confused,
    standard_error=_error,
)
