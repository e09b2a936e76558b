"""Gap between the realised and the estimated accuracy."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.estimation.measure import expected_outcomes
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, ratio
from ml_exporter.sums.fixed import UNIT_INTERVAL


def gap_accuracy(outcomes: IntArray) -> FloatArray:
    """Realised less estimated accuracy, of the same predictions: how far the estimate was off; below 0 is worse.

    ``(correct - sum q) / n`` over the ``n`` predictions whose labels arrived, with ``q`` the calibrated
    probability that the predicted class is true. ``outcomes`` is (…, 4): n, correct, sum of q, sum of q (1 - q),
    the latter two in steps of ``2**-30``. Returns (…, 1).

    Range: -1 to 1. 0 within its standard error if scores still mean what they meant on the baseline. Beyond it the
    same score no longer stands for the same chance: the concept has changed, or the calibration has decayed. The
    estimates of predictions still without labels are then off by as much.
    Missing: predictions without scores or without a class are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Standard error: ``sqrt(sum q (1 - q)) / n``, how far chance moves the gap if probabilities are true. It does
    not hold the error of the calibration itself, which does not shrink with n, and is NaN if all q are 0 or 1,
    where it knows nothing: beside a baseline of few labels a
    gap of several standard errors may be that.
    Cost: O(1).

    Reference: J. Kivimäki, J. Białek, J. Nurminen, W. Kuberski, Confidence-based estimators for predictive
    performance in model monitoring, 2024, doi:10.48550/arXiv.2407.08649, on the assumptions under which it is
    0.

    >>> gap_accuracy(np.array([100, 82, 85 * 2**30, 10 * 2**30])).round(6).tolist()
    [-0.03]
    """
    return ratio(outcomes[..., 1] - UNIT_INTERVAL.decode(outcomes[..., 2]), outcomes[..., 0])


def _error(_: FloatArray, sums: Outcomes) -> FloatArray:
    outcomes = sums["outcome_expectation"]
    spread = UNIT_INTERVAL.decode(outcomes[..., 3])
    return ratio(np.sqrt(np.where(spread > 0, spread, np.nan)), outcomes[..., 0])


MEASURE: Final = PerformanceMeasure(
    key="gap_accuracy",
    help="Realised less estimated accuracy of the same labelled predictions (-1 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums: gap_accuracy(sums["outcome_expectation"]),
    samples=expected_outcomes,
    standard_error=_error,
)
