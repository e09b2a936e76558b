"""Estimated accuracy."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.estimation.measure import confusion_of, expected
from ml_exporter.signals.performance.accuracy import accuracy as share_of_correct
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Confusion
from ml_exporter.signals.performance.uncertainty import error_of_mean


def accuracy(confusion: Confusion) -> FloatArray:
    """Estimated accuracy: mean probability that the predicted class is the true one; lower is worse.

    ``sum_c e_cc / sum_cd e_cd`` with ``confusion`` e (…, classes, classes), expected counts, in any unit, by true
    and by predicted class: ``e_cd = sum of P(c | scores)`` over the predictions of class d, P from the baseline's
    isotonic calibration of the scores. Returns (…, 1).

    Range: 0 to 1. Equal to the accuracy of the labels, but for chance, as long as a score means what it meant on
    the baseline; a concept that changed cannot be seen in it.
    Bound: probabilities are kept in steps of ``2**-30``.
    Missing: predictions without scores or without a class are left out.
    Minimum samples: the configured minimum of predictions; below it there is no sample.
    Standard error: ``sqrt(a (1 - a) / n)`` with ``a`` the estimate and n predictions, the variance of a share. It
    has two parts, ``a (1 - a) = mean q (1 - q) + var q`` with ``q`` the probability that a prediction is right:
    how labels scatter around the estimate for these predictions, and how the estimate scatters from one set of
    predictions to another. It does not hold the error of the calibration itself, which does not shrink with n.
    Cost: O(classes^2).

    Reference: J. Kivimäki, J. Białek, J. Nurminen, W. Kuberski, Confidence-based estimators for predictive
    performance in model monitoring, 2024, doi:10.48550/arXiv.2407.08649 (average confidence).

    >>> accuracy(Confusion.of(np.array([[72, 15], [8, 85]]))).round(6).tolist()
    [0.872222]
    """
    return share_of_correct(confusion)


MEASURE: Final = PerformanceMeasure(
    key="accuracy",
    help="Share of predictions that name the true class (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums: accuracy(confusion_of(sums)),
    samples=expected,
    standard_error=lambda values, sums: error_of_mean(values, values, expected(sums)),
)
