"""Standard error of the estimated accuracy."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.estimation.accuracy import accuracy
from ml_exporter.signals.estimation.measure import expected
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure


def accuracy_standard_error(confusion: IntArray, samples: IntArray) -> FloatArray:
    """Standard error of the estimated accuracy: how far chance alone moves it; higher is worse.

    ``sqrt(a (1 - a) / n)`` with the estimated accuracy ``a`` of ``confusion``, (…, classes, classes), and ``n`` =
    ``samples``, (…,). It has two parts, ``a (1 - a) = mean q (1 - q) + var q`` with ``q`` the probability that a
    prediction is right: how labels scatter around the estimate for these predictions, and how the estimate
    scatters from one set of predictions to another. So it bounds both. Returns (…, 1).

    Range: 0 to 0.5 / sqrt(n). It does not hold the error of the calibration itself, which does not shrink with n.
    Missing: as of the estimated accuracy.
    Minimum samples: the configured minimum of predictions; below it there is no sample.
    Cost: O(classes^2).

    Reference: the variance of a share, W. Cochran, Sampling Techniques, 3rd ed., Wiley 1977, section 3.2.

    >>> accuracy_standard_error(np.array([[45, 5], [5, 45]]), np.array(100)).round(6).tolist()
    [0.03]
    """
    share = accuracy(confusion)
    return np.sqrt(share * (1.0 - share) / np.maximum(samples, 1)[..., None])


MEASURE: Final = PerformanceMeasure(
    key="accuracy_standard_error",
    help="Standard error of the accuracy of so many predictions",
    tasks=CLASSIFICATION,
    value=lambda sums, schema: accuracy_standard_error(sums["expected_confusion"], expected(sums)),
    samples=expected,
)
