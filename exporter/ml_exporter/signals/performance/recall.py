"""Recall of each class."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.measure import CLASS, CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Confusion, Outcomes, confused, confusion_of, shares
from ml_exporter.signals.performance.uncertainty import wilson_by_class


def recall(confusion: Confusion) -> FloatArray:
    """Recall: of the events that are of a class, the share predicted so; lower is worse.

    ``recall_c = n_cc / sum_d n_cd`` with ``confusion`` n (…, classes, classes), true by predicted class.
    Returns (…, classes); NaN, and no sample, for a class that no label named. For the positive class also
    called sensitivity or true positive rate, for the negative one specificity.

    Range: 0 to 1. Exact: the counts lose nothing.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Interval: Wilson's, of 95 %, for models of at most 20 classes.
    Cost: O(classes^2).

    Reference: C. Manning, P. Raghavan, H. Schütze, Introduction to Information Retrieval, Cambridge
    2008, section 8.3.

    >>> recall(Confusion.of(np.array([[8, 2], [1, 9]]))).tolist()
    [0.8, 0.9]
    """
    return shares(confusion.right, confusion.actual)


def recall_of(sums: Outcomes) -> FloatArray:
    """Return the recall of each class, (…, classes)."""
    return sums.derived(_value)


def _value(sums: Outcomes) -> FloatArray:
    return recall(confusion_of(sums))


MEASURE: Final = PerformanceMeasure(
    key="recall",
    help="Of the events of a class, share predicted so (0 to 1)",
    tasks=CLASSIFICATION,
    value=recall_of,
    samples=confused,
    interval=lambda sums: wilson_by_class(confusion_of(sums).right, confusion_of(sums).actual),
    by=CLASS,
)
