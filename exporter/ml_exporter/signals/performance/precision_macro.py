"""Macro precision."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.averages import macro
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import confused
from ml_exporter.signals.performance.precision import precision_of


def precision_macro(precision: FloatArray) -> FloatArray:
    """Macro precision: mean precision of the classes, each weighing the same; lower is worse.

    ``1/k sum_c precision_c`` over the k classes that have one, with ``precision`` (…, classes); a class never
    predicted has none and is left out. Returns (…, 1); NaN, and no sample, without any.

    Range: 0 to 1. Exact: the counts lose nothing. A rare class with a handful of labels weighs as much as the
    others.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(classes^2).

    Reference: M. Sokolova and G. Lapalme, A systematic analysis of performance measures for classification tasks,
    Inf. Process. Manag. 45 (2009), doi:10.1016/j.ipm.2009.03.002.

    >>> precision_macro(np.array([16 / 17, 9 / 13])).round(6).tolist()
    [0.816742]
    """
    return macro(precision)


MEASURE: Final = PerformanceMeasure(
    key="precision_macro",
    help="Mean precision of the classes, each weighing the same (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums: precision_macro(precision_of(sums)),
    samples=confused,
)
