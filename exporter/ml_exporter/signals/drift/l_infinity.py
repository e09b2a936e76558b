"""L-infinity (Chebyshev) distance of category shares."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.drift.comparison import Comparison
from ml_exporter.signals.drift.measure import DriftMeasure, Noise, Over


def l_infinity(window: FloatArray, baseline: FloatArray, starts: IntArray) -> FloatArray:
    """Chebyshev distance: the largest change of any category's share; higher is worse.

    ``L = max_b |p_b - q_b|`` with ``p`` (``window``) and ``q`` (``baseline``) the shares of the rows in each
    category, (bins,) flat over the categorical variables, and ``starts`` (categorical variables,) the
    first bin of each. Returns (categorical variables,).

    Range: 0 (same shares) to 1 (one category replaced by another), without unit.
    Bins: categories, then ``other`` (unseen categories, wrong types) and ``missing``; no smoothing.
    Minimum samples: the configured minimum of rows in the window; below it there is no sample.
    Cost: O(categories) time and memory, whatever the number of events.

    Reference: TensorFlow Data Validation, skew and drift comparators (``infinity_norm``),
    https://www.tensorflow.org/tfx/data_validation/get_started.

    >>> l_infinity(np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.3, 0.3]), np.array([0])).round(6).tolist()
    [0.1]
    """
    scores: FloatArray = np.maximum.reduceat(np.abs(window - baseline), starts)
    return scores


def _score(pair: Comparison) -> FloatArray:
    starts = pair.geometry.starts[pair.geometry.categorical]
    first = int(starts[0])
    return l_infinity(pair.window.shares[first:], pair.baseline.shares[first:], starts - first)


MEASURE: Final = DriftMeasure(
    key="l_infinity",
    help="L-infinity (Chebyshev) distance of category shares (0 same, 1 replaced)",
    over=Over.CATEGORIES,
    score=_score,
    noise=Noise.ROOT,
)
