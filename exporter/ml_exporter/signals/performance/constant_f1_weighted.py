"""Weighted F1 of the best constant answer."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Confusion, confused, confusion_of, ratio


def constant_f1_weighted(confusion: Confusion) -> FloatArray:
    """Weighted F1 of the best constant answer: always naming the most frequent class; below it is worse than none.

    ``2 t^2 / (n (n + t))`` with ``t`` the outcomes of the most frequent class and ``n`` all, of ``confusion``
    (…, classes, classes), true by predicted class: the F1 of the others is 0. Returns (…, 1).

    Range: 0 to 1. Exact to rounding: the counts lose nothing. Neither high nor low is good or bad: it is the mark
    to compare weighted F1 with. Weighted precision, over the classes that were predicted, is then the accuracy.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(classes^2).

    Reference: Z. Lipton, C. Elkan, B. Naryanaswamy, Optimal thresholding of classifiers to maximize F1 measure,
    ECML PKDD 2014, doi:10.1007/978-3-662-44851-9_15.

    >>> constant_f1_weighted(Confusion.of(np.array([[8, 2], [1, 9]]))).round(6).tolist()
    [0.333333]
    """
    most = confusion.actual.max(axis=-1)
    return ratio(most, confusion.outcomes) * ratio(2 * most, confusion.outcomes + most)


MEASURE: Final = PerformanceMeasure(
    key="constant_f1_weighted",
    help="Weighted F1 of always naming the most frequent class (0 to 1), the mark for weighted F1",
    tasks=CLASSIFICATION,
    value=lambda sums: constant_f1_weighted(confusion_of(sums)),
    samples=confused,
)
