"""Area under the ROC curve."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure, scored
from ml_exporter.signals.signal import ONE_CLASS
from ml_exporter.sums.layout import Sums


def roc_auc(bins: IntArray | FloatArray) -> FloatArray:
    """Area under the ROC curve: chance that a positive event scores above a negative one; lower is worse.

    ``AUC = sum_b p_b (N_b + n_b / 2) / (P N)`` with ``n`` and ``p`` the negative and positive outcomes in
    score bin ``b``, ``N_b`` the negatives in the bins below, ``N`` and ``P`` the totals. ``bins`` is
    (…, 2, bins): negatives, positives. Returns (…,); NaN, and no sample, with labels of one class only.

    Range: 0 to 1; 0.5 is chance. A multiclass model gets the mean over its classes, each against the
    rest, of those that have both.
    Bound: two outcomes in one bin count as tied, so the exact value is within
    ``sum_b p_b n_b / (2 P N)``; the bins are 200 quantiles of the baseline's scores.
    Missing: predictions without a score and labels of unknown classes are left out.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Cost: O(bins), whatever the number of events.

    Reference: J. Hanley and B. McNeil, The meaning and use of the area under a receiver operating
    characteristic (ROC) curve, Radiology 143 (1982), doi:10.1148/radiology.143.1.7063747.

    >>> float(roc_auc(np.array([[3, 1, 0], [0, 1, 3]])).round(6))
    0.96875
    """
    negative, positive = bins[..., 0, :], bins[..., 1, :]
    below = negative.cumsum(axis=-1) - negative / 2.0
    pairs = negative.sum(axis=-1) * positive.sum(axis=-1)
    return np.where(pairs > 0, (positive * below).sum(axis=-1) / np.where(pairs > 0, pairs, 1), np.nan)


def _value(sums: Sums, schema: ModelSchema) -> FloatArray:
    if schema.task is Task.BINARY:
        return roc_auc(sums["score_bins"])[..., None]
    return mean_of_known(roc_auc(sums["class_score_bins"]))


def mean_of_known(values: FloatArray) -> FloatArray:
    """Return the mean of what is no NaN, over the last axis, as (…, 1); NaN where there is none."""
    known = [row[~np.isnan(row)] for row in values.reshape(-1, values.shape[-1])]
    means = np.array([row.mean() if len(row) else np.nan for row in known])
    return means.reshape(*values.shape[:-1], 1)


MEASURE: Final = PerformanceMeasure(
    key="roc_auc",
    help="Area under the ROC curve; mean over classes for multiclass (0 to 1, 0.5 is chance)",
    tasks=CLASSIFICATION,
    value=_value,
    samples=scored,
    undefined=ONE_CLASS,
)
