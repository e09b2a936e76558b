"""Average precision of a constant score."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.averages import macro
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, labels_scored, scored
from ml_exporter.signals.signal import ONE_CLASS


def constant_average_precision(labels: IntArray) -> FloatArray:
    """Average precision of a constant score: the share of each class; a model below it is worse than none.

    ``r_c``, the share of the scored outcomes whose true class is c, from their counts ``labels`` (…, classes):
    with one score for all, each positive event stands at that precision. Returns (…, classes); NaN for a class
    without a labelled event, or with no other.

    Range: 0 to 1. Exact: the counts lose nothing. Neither high nor low is good or bad: it is the mark to compare
    the average precision with. A multiclass model gets the mean over its classes, each against the rest.
    Missing: predictions without a score and labels of unknown classes are left out.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Cost: O(classes).

    Reference: T. Saito and M. Rehmsmeier, The precision-recall plot is more informative than the ROC plot when
    evaluating binary classifiers on imbalanced datasets, PLoS ONE 10 (2015), doi:10.1371/journal.pone.0118432.

    >>> constant_average_precision(np.array([5, 3, 2])).tolist()
    [0.5, 0.3, 0.2]
    """
    total = labels.sum(axis=-1, keepdims=True)
    return np.where((labels > 0) & (labels < total), labels / np.maximum(total, 1), np.nan)


def _value(sums: Outcomes) -> FloatArray:
    shares = constant_average_precision(labels_scored(sums))
    return shares[..., 1:] if sums.schema.task is Task.BINARY else macro(shares)


MEASURE: Final = PerformanceMeasure(
    key="constant_average_precision",
    help="Average precision of giving every event one score, the mark for the average precision",
    tasks=CLASSIFICATION,
    value=_value,
    samples=scored,
    undefined=ONE_CLASS,
)
