"""Gap between the realised and the estimated area under the ROC curve."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.estimation.measure import expected_scored_outcomes
from ml_exporter.signals.estimation.roc_auc import area_of
from ml_exporter.signals.performance.averages import macro
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, scores_of
from ml_exporter.signals.performance.roc_auc import roc_auc
from ml_exporter.signals.signal import ONE_CLASS


def gap_roc_auc(realised: FloatArray, estimated: FloatArray) -> FloatArray:
    """Realised less estimated area under the ROC curve, of the same predictions; below 0 is worse.

    ``mean_c (A_c - E_c)`` with the area ``A`` by labels and ``E`` by calibrated scores, both (…, classes), over
    the classes that have both; a binary model has one. Returns (…, 1).

    Range: -1 to 1. About 0 if scores still mean what they meant on the baseline; the more below, the less they
    tell the classes apart than they promise.
    Missing: predictions without scores are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(bins), whatever the number of events.

    Reference: J. Białek et al., Estimating post-deployment model performance under covariate shift without
    ground truth, 2024, doi:10.48550/arXiv.2401.08348, on the assumptions under which it is 0.

    >>> gap_roc_auc(np.array([0.8, np.nan]), np.array([0.85, 0.9])).round(6).tolist()
    [-0.05]
    """
    return macro(realised - estimated)


def _value(sums: Outcomes) -> FloatArray:
    realised = roc_auc(scores_of(sums))
    by_class = realised[..., None] if sums.schema.task is Task.BINARY else realised
    return gap_roc_auc(by_class, area_of(sums, "outcome_expected_bins"))


MEASURE: Final = PerformanceMeasure(
    key="gap_roc_auc",
    help="Realised less estimated area under the ROC curve of the same labelled predictions (-1 to 1)",
    tasks=CLASSIFICATION,
    value=_value,
    samples=expected_scored_outcomes,
    undefined=ONE_CLASS,
)
