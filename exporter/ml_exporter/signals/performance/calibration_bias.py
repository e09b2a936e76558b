"""Calibration bias."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.expected_calibration_error import tenths_of
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, ratio, scored
from ml_exporter.signals.performance.uncertainty import error_of_mean
from ml_exporter.sums.fixed import UNIT_INTERVAL


def calibration_bias(scores: FloatArray, hits: IntArray, outcomes: IntArray) -> FloatArray:
    """Calibration bias: mean score minus observed share; farther from 0 is worse, positive is too sure.

    ``1/n sum_i (s_i - y_i)`` = (``scores`` - ``hits``) / ``outcomes``, calibration in the large. Binary: ``s`` is
    the score of the positive class and ``y`` 1 for a positive event: above 0 the model expects more positive
    events than come. Multiclass: ``s`` is the highest score and ``y`` 1 where its class is the true one: above 0
    the model is surer than it is right. Each is (…,). Returns (…, 1).

    Range: -1 to 1; 0 is best. Gaps of tenths of the score cancel here: the expected calibration error adds them.
    Bound: scores are summed with steps of 2^-30, so the value is within 1e-9.
    Standard error: of two classes, ``sqrt((Brier score - bias^2) / n)``; none for more.
    Missing: predictions without a score and labels of unknown classes are left out.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Cost: O(1).

    Reference: D. Cox, Two further applications of a model for binary regression, Biometrika 45 (1958),
    doi:10.1093/biomet/45.3-4.562; the mean difference in place of the intercept.

    >>> calibration_bias(6.0, 5.0, 10).tolist()
    [0.1]
    """
    return ratio(scores - hits, outcomes)


def _value(sums: Outcomes) -> FloatArray:
    tenths = tenths_of(sums)
    return calibration_bias(tenths.scores.sum(axis=-1), tenths.hits.sum(axis=-1), scored(sums))


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    if sums.schema.task is not Task.BINARY:
        return np.full_like(values, np.nan)
    outcomes = scored(sums)
    squares = ratio(UNIT_INTERVAL.decode(sums["score_loss"][..., 1]), outcomes)
    return error_of_mean(values, squares, outcomes)


MEASURE: Final = PerformanceMeasure(
    key="calibration_bias",
    help="Mean score minus observed share (0 is best, positive is too sure)",
    tasks=CLASSIFICATION,
    value=_value,
    samples=scored,
    standard_error=_error,
)
