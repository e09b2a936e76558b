"""Recall of each class."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.measure import CLASS, CLASSIFICATION, PerformanceMeasure, confused
from ml_exporter.signals.performance.uncertainty import wilson_by_class


def recall(confusion: IntArray) -> FloatArray:
    """Recall: of the events that are of a class, the share predicted so; lower is worse.

    ``recall_c = n_cc / sum_d n_cd`` with ``confusion`` n (…, classes, classes), true by predicted class.
    Returns (…, classes); NaN, and no sample, for a class that no label named. For the positive class also
    called sensitivity or true positive rate, for the negative one specificity.

    Range: 0 to 1. Exact: the counts lose nothing.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Interval: Wilson's, of 95 %, for models of at most 20 classes.
    Cost: O(classes^2).

    Reference: C. Manning, P. Raghavan, H. Schütze, Introduction to Information Retrieval, Cambridge
    2008, section 8.3.

    >>> recall(np.array([[8, 2], [1, 9]])).tolist()
    [0.8, 0.9]
    """
    actual = confusion.sum(axis=-1)
    return np.where(actual > 0, np.diagonal(confusion, axis1=-2, axis2=-1) / np.maximum(actual, 1), np.nan)


MEASURE: Final = PerformanceMeasure(
    key="recall",
    help="Of the events of a class, share predicted so (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums, schema: recall(sums["confusion"]),
    samples=confused,
    interval=lambda sums, schema: wilson_by_class(sums["confusion"], axis=-1),
    by=CLASS,
)
