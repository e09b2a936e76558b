"""Weighted F1."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.averages import weighted
from ml_exporter.signals.performance.f1 import f1
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure, confused


def f1_weighted(confusion: IntArray) -> FloatArray:
    """Weighted F1: mean F1 of the classes, each weighing as its labels; lower is worse.

    ``sum_c t_c f1_c / sum_c t_c`` over the classes that have one, ``t_c`` the events of class c, with
    ``confusion`` (…, classes, classes), true by predicted class; a class neither predicted nor true has none and
    is left out. Returns (…, 1); NaN, and no sample, without any.

    Range: 0 to 1. Exact: the counts lose nothing. Frequent classes decide; weighted so, recall would be accuracy.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(classes^2).

    Reference: M. Sokolova and G. Lapalme, A systematic analysis of performance measures for classification tasks,
    Inf. Process. Manag. 45 (2009), doi:10.1016/j.ipm.2009.03.002.

    >>> import numpy as np
    >>> f1_weighted(np.array([[16, 4], [1, 9]])).round(6).tolist()
    [0.837446]
    """
    return weighted(f1(confusion), confusion.sum(axis=-1))


MEASURE: Final = PerformanceMeasure(
    key="f1_weighted",
    help="Mean F1 of the classes, each weighing as its labels (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums, schema: f1_weighted(sums["confusion"]),
    samples=confused,
)
