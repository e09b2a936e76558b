"""One number from those of the classes."""

from __future__ import annotations

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.outcomes import shares


def macro(values: FloatArray) -> FloatArray:
    """Return the mean of the values (…, classes) that are known as (…, 1); NaN without any.

    >>> macro(np.array([0.5, np.nan, 1.0])).tolist()
    [0.75]
    """
    total = values.sum(axis=-1, keepdims=True)
    if np.isnan(total).any():
        return weighted(values, np.ones(values.shape, np.int64))
    means: FloatArray = total / values.shape[-1]
    return means


def weighted(values: FloatArray, labels: IntArray) -> FloatArray:
    """Return the mean of the values (…, classes) that are known, weighing as their ``labels`` (…, classes).

    (…, 1); NaN without any.

    >>> weighted(np.array([0.5, np.nan, 1.0]), np.array([3, 9, 1])).tolist()
    [0.625]
    """
    terms = values * labels
    total = terms.sum(axis=-1, keepdims=True)
    if np.isnan(total).any():
        gone = np.isnan(terms)
        total, labels = np.where(gone, 0.0, terms).sum(axis=-1, keepdims=True), np.where(gone, 0, labels)
    return shares(total, labels.sum(axis=-1, keepdims=True))
