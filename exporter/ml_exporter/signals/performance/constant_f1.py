"""F1 of always naming a class."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.measure import CLASS, CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Confusion, confused, confusion_of


def constant_f1(confusion: Confusion) -> FloatArray:
    """F1 of always naming a class: what its share alone gives; a model below it is worse than none.

    ``2 t_c / (n + t_c)`` with ``t_c`` the outcomes of class c and ``n`` all, of ``confusion`` (…, classes,
    classes), true by predicted class. Returns (…, classes).

    Range: 0 to 1. Exact: the counts lose nothing. Neither high nor low is good or bad: it is the mark to compare
    the F1 of the class with.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(classes^2).

    Reference: Z. Lipton, C. Elkan, B. Naryanaswamy, Optimal thresholding of classifiers to maximize F1 measure,
    ECML PKDD 2014, doi:10.1007/978-3-662-44851-9_15.

    >>> constant_f1(Confusion.of(np.array([[8, 2], [1, 9]]))).round(6).tolist()
    [0.666667, 0.666667]
    """
    score: FloatArray = 2 * confusion.actual / np.maximum(confusion.outcomes[..., None] + confusion.actual, 1)
    return score


MEASURE: Final = PerformanceMeasure(
    key="constant_f1",
    help="F1 of always naming a class (0 to 1), the mark for its F1",
    tasks=CLASSIFICATION,
    value=lambda sums: constant_f1(confusion_of(sums)),
    samples=confused,
    by=CLASS,
)
