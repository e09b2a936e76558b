"""Estimated area under the ROC curve."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.estimation.measure import scored
from ml_exporter.signals.performance.averages import macro
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, Scores
from ml_exporter.signals.performance.roc_auc import roc_auc as area
from ml_exporter.signals.performance.uncertainty import error_of_area
from ml_exporter.sums.estimation import ONE


def roc_auc(scores: Scores) -> FloatArray:
    """Estimated area under the ROC curve: does the score still tell the classes apart; lower is worse.

    ``sum_b p_b (N_b + n_b / 2) / (P N)`` with ``n`` and ``p`` the expected negative and positive outcomes in score
    bin ``b``, sums of ``1 - P(positive | score)`` and of ``P(positive | score)`` in any unit, ``N_b`` the
    negatives in the bins below, ``N`` and ``P`` the totals. Returns (…,); NaN, and no sample, if one of the
    classes is not expected at all.

    Range: 0 to 1; 0.5 is chance. It moves with the mix of scores alone: a window of less decided scores shows a
    lower area. A multiclass model gets the mean over its classes, each against the rest.
    Bound: two predictions in one bin count as tied, so the exact value is within ``sum_b p_b n_b / (2 P N)``. A
    prediction also stands beside itself, which lowers it by less than 1 / n.
    Missing: predictions without scores are left out.
    Minimum samples: the configured minimum of predictions with scores; below it there is no sample.
    Standard error: of two classes, Hanley's and McNeil's for the expected numbers of both. It does not hold the
    error of the calibration itself, which does not shrink with n.
    Cost: O(bins), whatever the number of events.

    Reference: J. Białek et al., Estimating post-deployment model performance under covariate shift without
    ground truth, 2024, doi:10.48550/arXiv.2401.08348.

    >>> float(roc_auc(Scores.of(np.array([[27, 6, 1], [3, 14, 29]]))).round(6))
    0.915601
    """
    return area(scores)


def area_of(sums: Outcomes, name: str) -> FloatArray:
    """Return the estimated area of each class, (…, classes); of a binary model (…, 1)."""
    areas = roc_auc(Scores.of(sums[name]))
    return areas[..., None] if sums.schema.task is Task.BINARY else areas


def _value(sums: Outcomes) -> FloatArray:
    areas = area_of(sums, "expected_score_bins")
    return areas if sums.schema.task is Task.BINARY else macro(areas)


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    if sums.schema.task is not Task.BINARY:
        return np.full_like(values, np.nan)
    both = sums["expected_score_bins"].sum(axis=-1) / ONE
    return error_of_area(values, both[..., :1], both[..., 1:])


MEASURE: Final = PerformanceMeasure(
    key="roc_auc",
    help="Area under the ROC curve; mean over classes for multiclass (0 to 1, 0.5 is chance)",
    tasks=CLASSIFICATION,
    value=_value,
    samples=scored,
    standard_error=_error,
)
