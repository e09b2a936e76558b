"""Gap between the realised and the estimated area under the ROC curve."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.estimation.measure import expected_scored_outcomes
from ml_exporter.signals.estimation.roc_auc import area_of
from ml_exporter.signals.performance.averages import macro
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, Scores, scores_of, shares
from ml_exporter.signals.performance.roc_auc import roc_auc
from ml_exporter.signals.signal import ONE_CLASS
from ml_exporter.sums.estimation import ONE


def gap_roc_auc(realised: FloatArray, estimated: FloatArray) -> FloatArray:
    """Realised less estimated area under the ROC curve, of the same predictions; below 0 is worse.

    ``mean_c (A_c - E_c)`` with the area ``A`` by labels and ``E`` by calibrated scores, both (…, classes), over
    the classes that have both; a binary model has one. Returns (…, 1).

    Range: -1 to 1. About 0 if scores still mean what they meant on the baseline; the more below, the less they
    tell the classes apart than they promise.
    Missing: predictions without scores are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Standard error: of two classes, how far chance moves the gap if probabilities are true: the root of ``sum_b v_b
    g_b^2`` with ``v_b = p_b n_b / (p_b + n_b)`` the variance of the positives in score bin b, ``p`` and ``n`` the
    expected outcomes of both classes, ``g_b = (N_b - P_b) / (P N) - E / P + E / N``, ``N_b`` and ``P_b`` those
    below and above the bin with half of its own, by the delta method. It does not hold the error of the
    calibration itself, which does not shrink with n; NaN if all probabilities are 0 or 1, where it knows nothing.
    None of the mean over more classes, whose areas vary together.
    Cost: O(bins), whatever the number of events.

    Reference: J. Białek et al., Estimating post-deployment model performance under covariate shift without ground
    truth, 2024, doi:10.48550/arXiv.2401.08348, on the assumptions under which it is 0; A. Agresti, Categorical
    Data Analysis, 3rd ed., Wiley 2013, section 16.1 (the error).

    >>> gap_roc_auc(np.array([0.8, np.nan]), np.array([0.85, 0.9])).round(6).tolist()
    [-0.05]
    """
    return macro(realised - estimated)


def _value(sums: Outcomes) -> FloatArray:
    realised = roc_auc(scores_of(sums))
    by_class = realised[..., None] if sums.schema.task is Task.BINARY else realised
    return gap_roc_auc(by_class, area_of(sums, "outcome_expected_bins"))


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    if sums.schema.task is not Task.BINARY:
        return np.full_like(values, np.nan)
    of = Scores.of(sums["outcome_expected_bins"])
    negatives, positives = np.moveaxis(of.totals[..., None].astype(np.float64), -2, 0)
    below, above = of.below[..., 0, :], positives - of.below[..., 1, :]
    spread = shares(of.bins[..., 0, :] * of.bins[..., 1, :].astype(np.float64), of.bins.sum(axis=-2))
    area = roc_auc(of)[..., None]
    slopes = shares(below - above, positives * negatives) - shares(area, positives) + shares(area, negatives)
    # The counts are in steps: what is squared is by one of them, what it is weighed with in them.
    error: FloatArray = np.sqrt(ONE * np.nansum(spread * slopes**2, axis=-1, keepdims=True))
    return np.where(np.isnan(values) | (error == 0), np.nan, error)


MEASURE: Final = PerformanceMeasure(
    key="gap_roc_auc",
    help="Realised less estimated area under the ROC curve of the same labelled predictions (-1 to 1)",
    tasks=CLASSIFICATION,
    value=_value,
    samples=expected_scored_outcomes,
    undefined=ONE_CLASS,
    standard_error=_error,
)
