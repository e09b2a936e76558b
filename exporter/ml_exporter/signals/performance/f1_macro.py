"""Macro F1."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.averages import macro
from ml_exporter.signals.performance.f1 import f1_of
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import confused


def f1_macro(f1: FloatArray) -> FloatArray:
    """Macro F1: mean F1 of the classes, each weighing the same; lower is worse.

    ``1/k sum_c f1_c`` over the k classes that have one, with ``f1`` (…, classes); a class neither predicted nor
    true has none and is left out. Returns (…, 1); NaN, and no sample, without any.

    Range: 0 to 1. Exact: the counts lose nothing. A rare class with a handful of labels weighs as much as the
    others.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(classes^2).

    Reference: M. Sokolova and G. Lapalme, A systematic analysis of performance measures for classification tasks,
    Inf. Process. Manag. 45 (2009), doi:10.1016/j.ipm.2009.03.002.

    >>> f1_macro(np.array([32 / 37, 18 / 23])).round(6).tolist()
    [0.823737]
    """
    return macro(f1)


MEASURE: Final = PerformanceMeasure(
    key="f1_macro",
    help="Mean F1 of the classes, each weighing the same (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums: f1_macro(f1_of(sums)),
    samples=confused,
)
