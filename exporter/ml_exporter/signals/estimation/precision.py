"""Estimated precision of each class."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.estimation.measure import confusion_of, errors_by_class, expected
from ml_exporter.signals.performance import precision as realised
from ml_exporter.signals.performance.measure import CLASS, CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Confusion


def precision(confusion: Confusion) -> FloatArray:
    """Estimated precision: of the predictions that name a class, the expected share of true ones; lower is worse.

    ``e_cc / sum_d e_dc`` with ``confusion`` e (…, classes, classes), expected counts, in any unit, by true and by
    predicted class, see the estimated accuracy. Returns (…, classes); NaN, and no sample, for a class
    that was never predicted.

    Range: 0 to 1. A ratio of expectations, not the expectation of the ratio: they differ by terms of order 1 / n.
    Wrong where the concept has changed, as every estimate here.
    Missing: predictions without scores or without a class are left out.
    Minimum samples: the configured minimum of predictions; below it there is no sample.
    Standard error: that of as many labels, ``sqrt(p (1 - p) / n)`` with p the value and n the predictions of the
    class; NaN at 0 and 1, where it knows nothing, and for models of more than 20 classes. It does not hold the
    error of the calibration itself, which does not shrink with n.
    Cost: O(classes^2).

    Reference: J. Kivimäki, J. Białek, W. Kuberski, J. Nurminen, Performance estimation in binary
    classification using calibrated confidence, 2025, doi:10.48550/arXiv.2505.05295.

    >>> precision(Confusion.of(np.array([[72, 15], [8, 85]]))).round(4).tolist()
    [0.9, 0.85]
    """
    return realised.precision(confusion)


MEASURE: Final = PerformanceMeasure(
    key="precision",
    help="Of the predictions that name a class, share for which it is true (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums: precision(confusion_of(sums)),
    samples=expected,
    standard_error=lambda values, sums: errors_by_class(sums)[0],
    by=CLASS,
)
