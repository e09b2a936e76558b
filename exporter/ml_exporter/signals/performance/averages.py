"""One number from those of the classes, and their shares."""

from __future__ import annotations

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray


def macro(values: FloatArray) -> FloatArray:
    """Return the mean of the values (…, classes) that are known as (…, 1); NaN without any.

    >>> macro(np.array([0.5, np.nan, 1.0])).tolist()
    [0.75]
    """
    return weighted(values, np.ones(values.shape, np.int64))


def weighted(values: FloatArray, labels: IntArray) -> FloatArray:
    """Return the mean of the values (…, classes) that are known, weighing as their ``labels`` (…, classes).

    (…, 1); NaN without any.

    >>> weighted(np.array([0.5, np.nan, 1.0]), np.array([3, 9, 1])).tolist()
    [0.625]
    """
    known = ~np.isnan(values)
    weights = (labels * known).sum(axis=-1, keepdims=True)
    total = (np.where(known, values, 0.0) * labels).sum(axis=-1, keepdims=True)
    return np.where(weights > 0, total / np.maximum(weights, 1), np.nan)


def shares_of(labels: IntArray) -> FloatArray:
    """Return the share of each class in the ``labels`` (…, classes); 0 without any.

    >>> shares_of(np.array([3, 1])).tolist()
    [0.75, 0.25]
    """
    shares: FloatArray = labels / np.maximum(labels.sum(axis=-1, keepdims=True), 1)
    return shares
