"""Standard error of the gap between the realised and the estimated accuracy."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.estimation.measure import expected_outcomes
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.sums.fixed import UNIT_INTERVAL


def gap_accuracy_standard_error(outcomes: IntArray) -> FloatArray:
    """Standard error of the gap in accuracy: how far chance moves it if probabilities are true; higher is worse.

    ``sqrt(sum q (1 - q)) / n``, the standard deviation of the number of correct predictions of known chances
    ``q``, per prediction. ``outcomes`` is (…, 4) as of the gap. Returns (…, 1).

    Range: 0 to 0.5 / sqrt(n). It does not hold the error of the calibration itself, which does not shrink with n:
    beside a baseline of few labels a gap of several standard errors may be that.
    Missing: predictions without scores or without a class are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(1).

    Reference: the variance of a sum of independent trials, W. Feller, An Introduction to Probability Theory and
    Its Applications, vol. 1, 3rd ed., Wiley 1968, section IX.5.

    >>> gap_accuracy_standard_error(np.array([100, 82, 85 * 2**30, 9 * 2**30])).round(6).tolist()
    [0.03]
    """
    return np.asarray(np.sqrt(UNIT_INTERVAL.decode(outcomes[..., 3])) / np.maximum(outcomes[..., 0], 1))[..., None]


MEASURE: Final = PerformanceMeasure(
    key="gap_accuracy_standard_error",
    help="Standard error of ml_performance_estimate_gap_accuracy where scores mean what they meant",
    tasks=CLASSIFICATION,
    value=lambda sums, schema: gap_accuracy_standard_error(sums["outcome_expectation"]),
    samples=expected_outcomes,
)
