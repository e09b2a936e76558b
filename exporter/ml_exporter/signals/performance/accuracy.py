"""Accuracy."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import ModelSchema
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure, confused, ratio
from ml_exporter.signals.performance.uncertainty import error_of_mean, wilson
from ml_exporter.sums.layout import Sums


def accuracy(confusion: IntArray) -> FloatArray:
    """Accuracy: share of the labelled predictions that name the true class; lower is worse.

    ``accuracy = sum_c n_cc / sum_cd n_cd`` with ``confusion`` n (…, classes, classes), true by predicted class.
    Returns (…, 1).

    Range: 0 to 1. Exact: the counts lose nothing. On unbalanced classes compare with the share of the
    largest class.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Standard error: ``sqrt(accuracy (1 - accuracy) / n)``. Interval: Wilson's, of 95 %.
    Cost: O(classes^2).

    Reference: C. Manning, P. Raghavan, H. Schütze, Introduction to Information Retrieval, Cambridge
    2008, section 8.3.

    >>> accuracy(np.array([[8, 2], [1, 9]])).tolist()
    [0.85]
    """
    right = np.trace(confusion, axis1=-2, axis2=-1)
    return ratio(right, confusion.sum(axis=(-2, -1)))


def _error(values: FloatArray, sums: Sums, schema: ModelSchema) -> FloatArray:
    return error_of_mean(values, values, confused(sums))


def _interval(sums: Sums, schema: ModelSchema) -> tuple[FloatArray, FloatArray]:
    right = np.trace(sums["confusion"], axis1=-2, axis2=-1)
    return wilson(right[..., None], confused(sums)[..., None])


MEASURE: Final = PerformanceMeasure(
    key="accuracy",
    help="Share of labelled predictions that name the true class (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums, schema: accuracy(sums["confusion"]),
    samples=confused,
    standard_error=_error,
    interval=_interval,
)
