"""Accuracy of the best constant answer."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Confusion, confused, confusion_of, ratio


def constant_accuracy(confusion: Confusion) -> FloatArray:
    """Accuracy of the best constant answer: share of the most frequent class; a model below is worse than none.

    ``max_c sum_d n_cd / sum_cd n_cd`` with ``confusion`` n (…, classes, classes), true by predicted class: what
    always answering the most frequent class would have reached on the same labels. Returns (…, 1).

    Range: 1 / classes to 1. Exact: the counts lose nothing. Neither high nor low is good or bad: it is the
    mark to compare accuracy with.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(classes^2).

    Reference: I. Witten, E. Frank, M. Hall, Data Mining, 3rd ed., Morgan Kaufmann 2011, section 3.1 (ZeroR).

    >>> constant_accuracy(Confusion.of(np.array([[8, 2], [1, 4]]))).round(6).tolist()
    [0.666667]
    """
    return ratio(confusion.actual.max(axis=-1), confusion.outcomes)


MEASURE: Final = PerformanceMeasure(
    key="constant_accuracy",
    help="Accuracy of always answering the most frequent class (0 to 1), the mark for accuracy",
    tasks=CLASSIFICATION,
    value=lambda sums: constant_accuracy(confusion_of(sums)),
    samples=confused,
)
