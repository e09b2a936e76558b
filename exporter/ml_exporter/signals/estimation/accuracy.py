"""Estimated accuracy."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.estimation.measure import expected
from ml_exporter.signals.performance.accuracy import accuracy as share_of_correct
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure


def accuracy(confusion: IntArray) -> FloatArray:
    """Estimated accuracy: mean probability that the predicted class is the true one; lower is worse.

    ``sum_c e_cc / sum_cd e_cd`` with ``confusion`` e (…, classes, classes), expected counts, in any unit, by true
    and by predicted class: ``e_cd = sum of P(c | scores)`` over the predictions of class d, P from the baseline's
    isotonic calibration of the scores. Returns (…, 1).

    Range: 0 to 1. Equal to the accuracy of the labels, but for chance, as long as a score means what it meant on
    the baseline; a concept that changed cannot be seen in it.
    Bound: probabilities are kept in steps of ``2**-30``.
    Missing: predictions without scores or without a class are left out.
    Minimum samples: the configured minimum of predictions; below it there is no sample.
    Cost: O(classes^2).

    Reference: J. Kivimäki, J. Białek, J. Nurminen, W. Kuberski, Confidence-based estimators for predictive
    performance in model monitoring, 2024, doi:10.48550/arXiv.2407.08649 (average confidence).

    >>> import numpy as np
    >>> accuracy(np.array([[72, 15], [8, 85]])).round(6).tolist()
    [0.872222]
    """
    return share_of_correct(confusion)


MEASURE: Final = PerformanceMeasure(
    key="accuracy",
    help="Share of predictions that name the true class (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums, schema: accuracy(sums["expected_confusion"]),
    samples=expected,
)
