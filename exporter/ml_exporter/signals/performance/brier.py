"""Brier score."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, ratio, scored
from ml_exporter.signals.performance.uncertainty import error_of_mean
from ml_exporter.sums.fixed import LOG_LOSS, UNIT_INTERVAL


def brier(total: FloatArray, outcomes: IntArray) -> FloatArray:
    """Brier score: mean squared error of the score; higher is worse.

    Binary: ``1/n sum_i (s_i - y_i)^2`` with ``s`` the score of the positive class and ``y`` 1 for a positive
    event, else 0. Multiclass: ``1/n sum_i sum_c (s_ic - y_ic)^2``, Brier's own form. ``total`` is the sum,
    ``outcomes`` n. Each is (…,). Returns (…, 1).

    Range: 0 (certain and right) to 1, for multiclass to 2; 0.25 for a binary score of one half.
    Bound: scores are kept to nine digits and each term is rounded to 2^-30, so the mean is within 1e-9
    (binary) or 3e-9 a class.
    Missing: predictions without a score and labels of unknown classes are left out.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Standard error: ``sqrt((m - score^2) / n)``, ``m`` the mean of the squares of the terms.
    Cost: O(1).

    Reference: G. Brier, Verification of forecasts expressed in terms of probability, Monthly Weather
    Review 78 (1950), eq. (2), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.

    >>> brier(0.5, 2).tolist()
    [0.25]
    """
    return ratio(total, outcomes)


def _value(sums: Outcomes) -> FloatArray:
    if sums.schema.task is Task.BINARY:
        return brier(UNIT_INTERVAL.decode(sums["score_loss"][..., 1]), scored(sums))
    return brier(2.0 * UNIT_INTERVAL.decode(sums["class_score_loss"][..., 1]), scored(sums))


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    outcomes = scored(sums)
    unit = UNIT_INTERVAL if sums.schema.task is Task.BINARY else LOG_LOSS
    squares = ratio(unit.decode(sums["loss_squares"][..., 1]), outcomes)
    return error_of_mean(values, squares, outcomes)


MEASURE: Final = PerformanceMeasure(
    key="brier",
    help="Mean squared error of the score (0 is best)",
    tasks=CLASSIFICATION,
    value=_value,
    samples=scored,
    standard_error=_error,
)
