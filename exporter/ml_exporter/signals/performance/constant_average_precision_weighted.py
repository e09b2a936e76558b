"""Weighted average precision of a constant score."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.averages import weighted
from ml_exporter.signals.performance.constant_average_precision import constant_average_precision
from ml_exporter.signals.performance.measure import PerformanceMeasure
from ml_exporter.signals.performance.outcomes import labels_scored, scored
from ml_exporter.signals.signal import ONE_CLASS


def constant_average_precision_weighted(labels: IntArray) -> FloatArray:
    """Weighted average precision of a constant score: mean share of the classes; below it is worse than none.

    ``sum_c t_c r_c / sum_c t_c`` with ``t_c`` the scored outcomes whose true class is c, ``labels`` (…, classes),
    and ``r_c`` their share, over the classes that have an average precision. Returns (…, 1).

    Range: 1 / classes to 1. Exact to rounding: the counts lose nothing. Neither high nor low is good or bad: it is
    the mark to compare the weighted average precision with.
    Missing: predictions without the scores of all classes and labels of unknown classes are left out; models of
    more than 20 classes have none.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Cost: O(classes).

    Reference: T. Saito and M. Rehmsmeier, The precision-recall plot is more informative than the ROC plot when
    evaluating binary classifiers on imbalanced datasets, PLoS ONE 10 (2015), doi:10.1371/journal.pone.0118432.

    >>> constant_average_precision_weighted(np.array([5, 3, 2])).round(6).tolist()
    [0.38]
    """
    return weighted(constant_average_precision(labels), labels)


MEASURE: Final = PerformanceMeasure(
    key="constant_average_precision_weighted",
    help="Weighted average precision of giving every event one score, the mark for the weighted average precision",
    tasks=frozenset({Task.MULTICLASS}),
    value=lambda sums: constant_average_precision_weighted(labels_scored(sums)),
    samples=scored,
    undefined=ONE_CLASS,
)
