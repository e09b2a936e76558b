"""Weighted average precision."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.average_precision import average_precision
from ml_exporter.signals.performance.averages import weighted
from ml_exporter.signals.performance.measure import PerformanceMeasure
from ml_exporter.signals.performance.outcomes import labels_scored, scored, scores_of
from ml_exporter.signals.signal import ONE_CLASS


def average_precision_weighted(values: FloatArray, labels: IntArray) -> FloatArray:
    """Weighted average precision of a multiclass model, each class weighing as its labels; lower is worse.

    ``sum_c t_c v_c / sum_c t_c`` over the classes that have one, with ``values`` v (…, classes)
    the average precision of each class against the rest and ``t_c`` its ``labels`` (…, classes).
    Returns (…, 1); NaN, and no sample, without any.

    Range: 0 to 1. Frequent classes decide.
    Bound: that of :func:`average_precision`, in the bins of each class's score.
    Missing: predictions without the scores of all classes and labels of unknown classes are left out; models of
    more than 20 classes have none.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Cost: O(classes x bins), whatever the number of events.

    Reference: C. Manning, P. Raghavan, H. Schütze, Introduction to Information Retrieval, Cambridge 2008,
    section 8.4, eq. (8.8), for one query.

    >>> average_precision_weighted(np.array([0.5, 0.8]), np.array([1, 2])).round(6).tolist()
    [0.7]
    """
    return weighted(values, labels)


MEASURE: Final = PerformanceMeasure(
    key="average_precision_weighted",
    help="Average precision of each class, weighing as its labels (0 to 1)",
    tasks=frozenset({Task.MULTICLASS}),
    value=lambda sums: average_precision_weighted(average_precision(scores_of(sums)), labels_scored(sums)),
    samples=scored,
    undefined=ONE_CLASS,
)
