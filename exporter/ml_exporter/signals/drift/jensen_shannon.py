"""Jensen-Shannon distance."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.drift.measure import DriftMeasure, Noise, Over


def jensen_shannon(window: FloatArray, baseline: FloatArray, starts: IntArray) -> FloatArray:
    """Jensen-Shannon distance: how much two distributions differ; higher is worse.

    ``JS = sqrt(1/2 sum_b p_b log2(p_b / m_b) + 1/2 sum_b q_b log2(q_b / m_b))``, ``m = (p + q) / 2``, with
    ``p`` (``window``) and ``q`` (``baseline``) the shares of the rows in each bin, (bins,) flat over the
    variables, and ``starts`` (variables,) the first bin of each variable. Returns (variables,).

    Range: 0 (same shares) to 1 (no bin in common), without unit: the distance, root of the divergence
    to base 2, a metric.
    Bins: deciles of the baseline, or categories, then ``other`` and ``missing``; no smoothing, an empty
    bin contributes nothing on its own side. Unseen categories and infinities fall into ``other``, null
    and absent values into ``missing``.
    Minimum samples: the configured minimum of rows in the window; below it there is no sample.
    Cost: O(bins) time and memory, whatever the number of events.

    Reference: J. Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37
    (1991), eq. (4.1), doi:10.1109/18.61115; D. Endres and J. Schindelin, A new metric for probability
    distributions, IEEE Trans. Inf. Theory 49 (2003), doi:10.1109/TIT.2003.813506.

    >>> float(jensen_shannon(np.array([0.5, 0.5]), np.array([1.0, 0.0]), np.array([0])).round(6)[0])
    0.557923
    """
    middle = (window + baseline) / 2.0
    terms = _entropy(window, middle) + _entropy(baseline, middle)
    divergence = np.add.reduceat(terms, starts) / 2.0
    return np.sqrt(np.maximum(divergence, 0.0))


def _entropy(shares: FloatArray, middle: FloatArray) -> FloatArray:
    safe = np.maximum(shares, 1e-300)
    terms: FloatArray = shares * np.log2(safe / np.maximum(middle, 1e-300))
    return terms


MEASURE: Final = DriftMeasure(
    key="jensen_shannon",
    help="Jensen-Shannon distance, base 2 (0 same, 1 disjoint)",
    over=Over.BINS,
    score=lambda pair: jensen_shannon(pair.window.shares, pair.baseline.shares, pair.geometry.starts),
    noise=Noise.ROOT,
)
