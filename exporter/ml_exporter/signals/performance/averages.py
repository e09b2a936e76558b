"""One number from those of the classes."""

from __future__ import annotations

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray


def macro(values: FloatArray) -> FloatArray:
    """Return the mean of the values (classes,) that are known as (1,); NaN without any.

    >>> macro(np.array([0.5, np.nan, 1.0])).tolist()
    [0.75]
    """
    known = values[~np.isnan(values)]
    return np.array([known.mean() if len(known) else np.nan])


def weighted(values: FloatArray, labels: IntArray) -> FloatArray:
    """Return the mean of the values (classes,) that are known, weighing as their ``labels`` (classes,), as (1,).

    >>> weighted(np.array([0.5, np.nan, 1.0]), np.array([3, 9, 1])).tolist()
    [0.625]
    """
    known = ~np.isnan(values) & (labels > 0)
    return np.array([np.average(values[known], weights=labels[known]) if known.any() else np.nan])
