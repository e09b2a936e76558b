"""Precision of always naming a class."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.measure import CLASS, CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Confusion, confused, confusion_of


def constant_precision(confusion: Confusion) -> FloatArray:
    """Precision of always naming a class: the share of the class; a model below it is worse than none.

    ``sum_d n_cd / sum_cd n_cd`` with ``confusion`` n (…, classes, classes), true by predicted class. Returns
    (…, classes).

    Range: 0 to 1. Exact: the counts lose nothing. Neither high nor low is good or bad: it is the mark to compare
    the precision of the class with, and its average precision. The recall of the same answer is 1.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(classes^2).

    Reference: T. Saito and M. Rehmsmeier, The precision-recall plot is more informative than the ROC plot when
    evaluating binary classifiers on imbalanced datasets, PLoS ONE 10 (2015), doi:10.1371/journal.pone.0118432.

    >>> constant_precision(Confusion.of(np.array([[8, 2], [1, 9]]))).tolist()
    [0.5, 0.5]
    """
    share: FloatArray = confusion.actual / np.maximum(confusion.outcomes, 1)[..., None]
    return share


MEASURE: Final = PerformanceMeasure(
    key="constant_precision",
    help="Share of a class (0 to 1): the precision of always naming it, the mark for its precision",
    tasks=CLASSIFICATION,
    value=lambda sums: constant_precision(confusion_of(sums)),
    samples=confused,
    by=CLASS,
)
