"""Logarithmic loss."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, ratio, scored
from ml_exporter.signals.performance.uncertainty import error_of_mean
from ml_exporter.sums.fixed import LOG_LOSS, LOG_LOSS_SQUARED


def log_loss(total: FloatArray, outcomes: IntArray) -> FloatArray:
    """Logarithmic loss: mean surprise at the true class, in nats; higher is worse.

    ``loss = -1/n sum_i ln s_i`` with ``s_i`` the score of the true class, kept 2.2e-16 from 0 and 1, for a
    multiclass model divided by the sum of its scores. ``total`` is the sum, ``outcomes`` n. Each is (…,).
    Returns (…, 1).

    Range: 0 (certain and right) to 36.04 nats; ln 2 = 0.693 for a coin.
    Bound: each term is rounded to 2^-24, so the mean is within 3e-8.
    Missing: predictions without a score and labels of unknown classes are left out.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Standard error: ``sqrt((1/n sum_i (ln s_i)^2 - loss^2) / n)``.
    Cost: O(1).

    Reference: I. Good, Rational decisions, J. R. Stat. Soc. B 14 (1952).

    >>> log_loss(1.386294, 2).round(6).tolist()
    [0.693147]
    """
    return ratio(total, outcomes)


def _value(sums: Outcomes) -> FloatArray:
    losses = sums["score_loss" if sums.schema.task is Task.BINARY else "class_score_loss"]
    return log_loss(LOG_LOSS.decode(losses[..., 0]), scored(sums))


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    outcomes = scored(sums)
    squares = ratio(LOG_LOSS_SQUARED.decode(sums["loss_squares"][..., 0]), outcomes)
    return error_of_mean(values, squares, outcomes)


MEASURE: Final = PerformanceMeasure(
    key="log_loss",
    help="Mean negative logarithm of the score of the true class in nats (0 is best)",
    tasks=CLASSIFICATION,
    value=_value,
    samples=scored,
    standard_error=_error,
)
