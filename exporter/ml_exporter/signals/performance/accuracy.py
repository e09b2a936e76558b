"""Accuracy."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Confusion, Outcomes, confused, confusion_of, ratio
from ml_exporter.signals.performance.uncertainty import error_of_mean, wilson


def accuracy(confusion: Confusion) -> FloatArray:
    """Accuracy: share of the labelled predictions that name the true class; lower is worse.

    ``accuracy = sum_c n_cc / sum_cd n_cd`` with ``confusion`` n (…, classes, classes), true by predicted class.
    Returns (…, 1).

    Range: 0 to 1. Exact: the counts lose nothing. On unbalanced classes compare with the share of the
    largest class.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Standard error: ``sqrt(accuracy (1 - accuracy) / n)``. Interval: Wilson's, of 95 %.
    Cost: O(classes^2).

    Reference: C. Manning, P. Raghavan, H. Schütze, Introduction to Information Retrieval, Cambridge
    2008, section 8.3.

    >>> accuracy(Confusion.of(np.array([[8, 2], [1, 9]]))).tolist()
    [0.85]
    """
    return ratio(confusion.hits, confusion.outcomes)


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    return error_of_mean(values, values, confused(sums))


def _interval(sums: Outcomes) -> tuple[FloatArray, FloatArray]:
    counts = confusion_of(sums)
    return wilson(counts.hits[..., None], counts.outcomes[..., None])


MEASURE: Final = PerformanceMeasure(
    key="accuracy",
    help="Share of labelled predictions that name the true class (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums: accuracy(confusion_of(sums)),
    samples=confused,
    standard_error=_error,
    interval=_interval,
)
