"""Macro F1 of the best constant answer."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Confusion, confused, confusion_of, ratio


def constant_f1_macro(confusion: Confusion) -> FloatArray:
    """Macro F1 of always naming the most frequent class, the best constant: a model below it is worse than none.

    ``2 t / (n + t) / k`` with ``t`` the outcomes of the most frequent class, ``n`` all and ``k`` the classes that
    a label named, of ``confusion`` (…, classes, classes), true by predicted class: the F1 of the others is 0.
    Returns (…, 1).

    Range: 0 to 1. Exact: the counts lose nothing. Neither high nor low is good or bad: it is the mark to compare
    macro F1 with. Macro precision, over the classes that were predicted, is then the accuracy.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(classes^2).

    Reference: Z. Lipton, C. Elkan, B. Naryanaswamy, Optimal thresholding of classifiers to maximize F1 measure,
    ECML PKDD 2014, doi:10.1007/978-3-662-44851-9_15.

    >>> constant_f1_macro(Confusion.of(np.array([[8, 2], [1, 9]]))).round(6).tolist()
    [0.333333]
    """
    most = confusion.actual.max(axis=-1)
    return ratio(2 * most, (confusion.outcomes + most) * np.count_nonzero(confusion.actual, axis=-1))


MEASURE: Final = PerformanceMeasure(
    key="constant_f1_macro",
    help="Macro F1 of always naming the most frequent class (0 to 1), the mark for macro F1",
    tasks=CLASSIFICATION,
    value=lambda sums: constant_f1_macro(confusion_of(sums)),
    samples=confused,
)
