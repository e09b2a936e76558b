"""Average precision of each class."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.average_precision import average_precision, error_of
from ml_exporter.signals.performance.measure import CLASS, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Scores, scored, scores_of
from ml_exporter.signals.signal import ONE_CLASS


def class_average_precision(scores: Scores) -> FloatArray:
    """Average precision of each class of a multiclass model against the rest; lower is worse.

    Mean precision at the score of each event of the class, predictions ordered by that score. ``scores`` are
    counts (…, classes, 2, bins): negatives, positives. Returns (…, classes); NaN, and no sample, for a class
    without a labelled event, or with no other.

    Range: 0 to 1; the share of the class is chance.
    Bound: that of :func:`average_precision`, in the bins of each class's score.
    Missing: predictions without the scores of all classes and labels of unknown classes are left out; models of
    more than 20 classes have none.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample. What counts is the
    number of labels of the class.
    Standard error: by the delta method, as of :func:`average_precision`.
    Cost: O(classes x bins), whatever the number of events.

    Reference: C. Manning, P. Raghavan, H. Schütze, Introduction to Information Retrieval, Cambridge 2008,
    section 8.4, eq. (8.8), for one query.

    >>> class_average_precision(Scores.of(np.array([[[3, 1, 0], [0, 1, 3]]]))).round(6).tolist()
    [0.95]
    """
    return average_precision(scores)


MEASURE: Final = PerformanceMeasure(
    key="class_average_precision",
    help="Average precision of a class against the rest (0 to 1)",
    tasks=frozenset({Task.MULTICLASS}),
    value=lambda sums: class_average_precision(scores_of(sums)),
    samples=scored,
    standard_error=lambda values, sums: error_of(values, scores_of(sums)),
    by=CLASS,
    undefined=ONE_CLASS,
)
