"""Expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from ml_exporter.core.arrays import BoolArray, FloatArray, IntArray
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, ratio, scored
from ml_exporter.sums.classification import CALIBRATION_BINS
from ml_exporter.sums.fixed import UNIT_INTERVAL

_TENTHS: Final = np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS


def expected_calibration_error(hits: IntArray, scores: FloatArray, outcomes: IntArray) -> FloatArray:
    """Expected calibration error: mean gap between score and observed share; higher is worse.

    ``ECE = 1/n sum_k | sum_{i in k} y_i - sum_{i in k} s_i |`` over ten bins of equal width of the score.
    Binary: ``s`` is the score of the positive class and ``y`` 1 for a positive event. Multiclass: ``s`` is
    the highest score and ``y`` 1 where its class is the true one. ``hits`` (…, 10) is the sum of
    ``y``, ``scores`` (…, 10) that of ``s``, ``outcomes`` (…,) n. Returns (…, 1).

    Range: 0 (calibrated) to 1. Empty bins contribute nothing. Even a calibrated model shows a little,
    about ``sqrt(k / n)`` divided by 3.
    Bound: scores are summed with steps of 2^-30, so the value is within 1e-9.
    Missing: predictions without a score and labels of unknown classes are left out.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Cost: O(bins), whatever the number of events.

    Reference: M. Naeini, G. Cooper, M. Hauskrecht, Obtaining well calibrated probabilities using
    Bayesian binning, AAAI 2015, section "Calibration measures", here on the positive class.

    >>> expected_calibration_error(np.array([1, 9]), np.array([2.0, 8.0]), 20).tolist()
    [0.1]
    """
    return ratio(np.abs(hits - scores).sum(axis=-1), outcomes)


def by_tenth(bins: IntArray, schema: ModelSchema) -> IntArray:
    """Return counts by tenth of the score, (…, 10), from counts by score bin, (…, bins)."""
    merged: IntArray = np.add.reduceat(bins, _starts(schema), axis=-1)
    return merged


@lru_cache(maxsize=64)
def _starts(schema: ModelSchema) -> IntArray:
    """Return the first score bin of each tenth, (10,)."""
    return np.concatenate(([0], schema.score_edges.searchsorted(_TENTHS) + 1))


@dataclass(frozen=True, slots=True)
class Tenths:
    """Of each tenth of the score, (…, 10): outcomes, those of the class that the score is of, sum of scores."""

    outcomes: IntArray
    hits: IntArray
    scores: FloatArray

    @classmethod
    def of(cls, sums: Outcomes) -> Tenths:
        """Return those of a classifier's sums."""
        if sums.schema.task is Task.BINARY:
            bins = by_tenth(sums["score_bins"], sums.schema)
            return cls(bins.sum(axis=-2), bins[..., 1, :], UNIT_INTERVAL.decode(sums["score_sums"]))
        top = sums["top_score"]
        return cls(top[..., 0, :], top[..., 1, :], UNIT_INTERVAL.decode(sums["top_score_sums"]))

    def at(self, place: int | BoolArray) -> Tenths:
        """Return those of one of several windows, or some of the tenths."""
        return Tenths(self.outcomes[place], self.hits[place], self.scores[place])


def tenths_of(sums: Outcomes) -> Tenths:
    """Return what follows from the tenths of the score."""
    return sums.derived(Tenths.of)


def _value(sums: Outcomes) -> FloatArray:
    tenths = tenths_of(sums)
    return expected_calibration_error(tenths.hits, tenths.scores, scored(sums))


MEASURE: Final = PerformanceMeasure(
    key="expected_calibration_error",
    help="Mean gap between score and observed share over ten bins of equal width (0 is calibrated)",
    tasks=CLASSIFICATION,
    value=_value,
    samples=scored,
)
