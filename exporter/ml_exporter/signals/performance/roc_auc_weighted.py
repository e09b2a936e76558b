"""Weighted area under the ROC curve."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.averages import weighted
from ml_exporter.signals.performance.measure import PerformanceMeasure
from ml_exporter.signals.performance.outcomes import labels_scored, scored, scores_of
from ml_exporter.signals.performance.roc_auc import roc_auc
from ml_exporter.signals.signal import ONE_CLASS


def roc_auc_weighted(values: FloatArray, labels: IntArray) -> FloatArray:
    """Weighted area under the ROC curve of a multiclass model, each class weighing as its labels; lower is worse.

    ``sum_c t_c v_c / sum_c t_c`` over the classes that have one, with ``values`` v (…, classes)
    the area under the ROC curve of each class against the rest and ``t_c`` its ``labels`` (…, classes).
    Returns (…, 1); NaN, and no sample, without any.

    Range: 0 to 1; 0.5 is chance. Frequent classes decide.
    Bound: that of :func:`roc_auc`, in the bins of each class's score.
    Missing: predictions without the scores of all classes and labels of unknown classes are left out; models of
    more than 20 classes have none.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Cost: O(classes x bins), whatever the number of events.

    Reference: T. Fawcett, An introduction to ROC analysis, Pattern Recognit. Lett. 27 (2006),
    doi:10.1016/j.patrec.2005.10.010, section 9.

    >>> roc_auc_weighted(np.array([0.5, 0.8]), np.array([1, 2])).round(6).tolist()
    [0.7]
    """
    return weighted(values, labels)


MEASURE: Final = PerformanceMeasure(
    key="roc_auc_weighted",
    help="Area under the ROC curve of each class, weighing as its labels (0 to 1, 0.5 is chance)",
    tasks=frozenset({Task.MULTICLASS}),
    value=lambda sums: roc_auc_weighted(roc_auc(scores_of(sums)), labels_scored(sums)),
    samples=scored,
    undefined=ONE_CLASS,
)
