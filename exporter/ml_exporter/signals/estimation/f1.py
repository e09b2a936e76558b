"""Estimated f1 of each class."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.estimation.measure import confusion_of, errors_by_class, expected
from ml_exporter.signals.performance import f1 as realised
from ml_exporter.signals.performance.measure import CLASS, CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Confusion


def f1(confusion: Confusion) -> FloatArray:
    """Estimated f1: harmonic mean of a class's estimated precision and recall; lower is worse.

    ``2 e_cc / (sum_d e_dc + sum_d e_cd)`` with ``confusion`` e (…, classes, classes), expected counts by true
    and by predicted class, see the estimated accuracy. Returns (…, classes); NaN, and no sample, for a class
    neither predicted nor expected anywhere.

    Range: 0 to 1. A ratio of expectations, not the expectation of the ratio: they differ by terms of order 1 / n.
    Wrong where the concept has changed, as every estimate here.
    Missing: predictions without scores or without a class are left out.
    Minimum samples: the configured minimum of predictions; below it there is no sample.
    Standard error: that of as many labels, see the F1 of outcomes; it does not hold the error of the calibration
    itself, which does not shrink with n.
    Cost: O(classes^2).

    Reference: J. Kivimäki, J. Białek, W. Kuberski, J. Nurminen, Performance estimation in binary
    classification using calibrated confidence, 2025, doi:10.48550/arXiv.2505.05295.

    >>> f1(Confusion.of(np.array([[72, 15], [8, 85]]))).round(4).tolist()
    [0.8623, 0.8808]
    """
    return realised.f1(confusion)


MEASURE: Final = PerformanceMeasure(
    key="f1",
    help="Harmonic mean of a class's precision and recall (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums: f1(confusion_of(sums)),
    samples=expected,
    standard_error=lambda values, sums: errors_by_class(sums)[2],
    by=CLASS,
)
