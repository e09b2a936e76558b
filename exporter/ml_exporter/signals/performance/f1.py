"""F1 of each class."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.measure import CLASS, CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Confusion, Outcomes, confused, confusion_of, shares
from ml_exporter.signals.performance.uncertainty import error_of_share


def f1(confusion: Confusion) -> FloatArray:
    """F1: harmonic mean of a class's precision and recall; lower is worse.

    ``F1_c = 2 n_cc / (sum_d n_dc + sum_d n_cd)`` with ``confusion`` n (…, classes, classes), true by predicted
    class. Returns (…, classes); NaN, and no sample, for a class neither predicted nor true anywhere.

    Range: 0 to 1. Exact: the counts lose nothing.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Standard error: ``sqrt(F (1 - F) (2 - F) / (sum_d n_dc + sum_d n_cd))`` with F the class's F1, by the delta
    method from counts that are multinomial; NaN at 0 and 1, where it knows nothing, and for models of more than 20
    classes, which would have too many series.
    Cost: O(classes^2).

    Reference: C. van Rijsbergen, Information Retrieval, 2nd ed., Butterworths 1979, chapter 7, with
    equal weights; K. Takahashi, K. Yamamoto, A. Kuchiba, T. Koyama, Confidence interval for micro-averaged F1 and
    macro-averaged F1 scores, Appl. Intell. 52 (2022), doi:10.1007/s10489-021-02635-5 (the error).

    >>> f1(Confusion.of(np.array([[8, 2], [1, 9]]))).round(4).tolist()
    [0.8421, 0.8571]
    """
    return shares(2 * confusion.right, confusion.predicted + confusion.actual)


def f1_of(sums: Outcomes) -> FloatArray:
    """Return the F1 of each class, (…, classes)."""
    return sums.derived(_value)


def _value(sums: Outcomes) -> FloatArray:
    return f1(confusion_of(sums))


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    confusion = confusion_of(sums)
    return error_of_share(values, confusion.predicted + confusion.actual) * np.sqrt(2.0 - values)


MEASURE: Final = PerformanceMeasure(
    key="f1",
    help="Harmonic mean of a class's precision and recall (0 to 1)",
    tasks=CLASSIFICATION,
    value=f1_of,
    samples=confused,
    standard_error=_error,
    by=CLASS,
)
