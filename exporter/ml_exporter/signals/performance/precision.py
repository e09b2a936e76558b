"""Precision of each class."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.measure import CLASS, CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Confusion, Outcomes, confused, confusion_of, shares
from ml_exporter.signals.performance.uncertainty import wilson_by_class


def precision(confusion: Confusion) -> FloatArray:
    """Precision: of the predictions that name a class, the share for which it is true; lower is worse.

    ``precision_c = n_cc / sum_d n_dc`` with ``confusion`` n (…, classes, classes), true by predicted class.
    Returns (…, classes); NaN, and no sample, for a class that was never predicted.

    Range: 0 to 1. Exact: the counts lose nothing.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Interval: Wilson's, of 95 %, for models of at most 20 classes.
    Cost: O(classes^2).

    Reference: C. Manning, P. Raghavan, H. Schütze, Introduction to Information Retrieval, Cambridge
    2008, section 8.3.

    >>> precision(Confusion.of(np.array([[8, 2], [1, 9]]))).round(4).tolist()
    [0.8889, 0.8182]
    """
    return shares(confusion.right, confusion.predicted)


def precision_of(sums: Outcomes) -> FloatArray:
    """Return the precision of each class, (…, classes)."""
    return sums.derived(_value)


def _value(sums: Outcomes) -> FloatArray:
    return precision(confusion_of(sums))


MEASURE: Final = PerformanceMeasure(
    key="precision",
    help="Of the predictions that name a class, share for which it is true (0 to 1)",
    tasks=CLASSIFICATION,
    value=precision_of,
    samples=confused,
    interval=lambda sums: wilson_by_class(confusion_of(sums).right, confusion_of(sums).predicted),
    by=CLASS,
)
