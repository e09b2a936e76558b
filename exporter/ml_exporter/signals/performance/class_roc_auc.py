"""Area under the ROC curve of each class."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.measure import CLASS, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Scores, scored, scores_of
from ml_exporter.signals.performance.roc_auc import error_of, roc_auc
from ml_exporter.signals.signal import ONE_CLASS


def class_roc_auc(scores: Scores) -> FloatArray:
    """Area under the ROC curve of each class of a multiclass model against the rest; lower is worse.

    Chance that an event of the class has a higher score of it than one of another class. ``scores`` are counts
    (…, classes, 2, bins): negatives, positives. Returns (…, classes); NaN, and no sample, for a class without a
    labelled event, or with no other.

    Range: 0 to 1; 0.5 is chance.
    Bound: that of :func:`roc_auc`, in the bins of each class's score.
    Missing: predictions without the scores of all classes and labels of unknown classes are left out; models of
    more than 20 classes have none.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample. What counts is the
    number of labels of the class.
    Standard error: DeLong's, as of :func:`roc_auc`.
    Cost: O(classes x bins), whatever the number of events.

    Reference: T. Fawcett, An introduction to ROC analysis, Pattern Recognit. Lett. 27 (2006),
    doi:10.1016/j.patrec.2005.10.010, section 9; E. DeLong, D. DeLong, D. Clarke-Pearson, Biometrics 44 (1988),
    doi:10.2307/2531595 (the error).

    >>> class_roc_auc(Scores.of(np.array([[[3, 1, 0], [0, 1, 3]]]))).round(6).tolist()
    [0.96875]
    """
    return roc_auc(scores)


MEASURE: Final = PerformanceMeasure(
    key="class_roc_auc",
    help="Area under the ROC curve of a class against the rest (0 to 1, 0.5 is chance)",
    tasks=frozenset({Task.MULTICLASS}),
    value=lambda sums: class_roc_auc(scores_of(sums)),
    samples=scored,
    standard_error=lambda values, sums: error_of(values, scores_of(sums)),
    by=CLASS,
    undefined=ONE_CLASS,
)
