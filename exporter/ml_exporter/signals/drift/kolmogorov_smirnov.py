"""Kolmogorov-Smirnov statistic."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.drift.measure import DriftMeasure, Noise, Over


def kolmogorov_smirnov(difference: FloatArray, starts: IntArray) -> FloatArray:
    """Two-sample Kolmogorov-Smirnov statistic: largest gap of two distributions; higher is worse.

    ``D = max_x |F(x) - G(x)|`` over the edges of the fine bins, with ``F`` and ``G`` the shares of the
    window's and of the baseline's numbers below an edge; ``difference`` is ``F - G``, (fine bins,) flat
    over the numeric variables, ``starts`` (numeric variables,) the first fine bin of each. Returns
    (numeric variables,).

    Range: 0 (same) to 1 (disjoint), without unit.
    Bound: the exact statistic of the raw values lies between ``D`` and ``D + max_b g_b``, ``g_b`` the
    baseline's share in fine bin ``b`` (1/250 without ties), because F and G both ascend within a bin;
    it equals ``D`` where each bin holds one distinct value.
    Missing values, wrong types and infinities are left out; no smoothing.
    Minimum samples: the configured minimum of numbers in the window; below it there is no sample.
    Cost: O(fine bins) time and memory, whatever the number of events.

    Reference: J. Hodges, The significance probability of the Smirnov two-sample test, Arkiv för
    Matematik 3 (1958), section 1, doi:10.1007/BF02589501.

    >>> float(kolmogorov_smirnov(np.array([0.1, -0.25, 0.0]), np.array([0]))[0])
    0.25
    """
    scores: FloatArray = np.maximum.reduceat(np.abs(difference), starts)
    return scores


MEASURE: Final = DriftMeasure(
    key="kolmogorov_smirnov",
    help="Two-sample Kolmogorov-Smirnov statistic from fine bins (0 same, 1 disjoint)",
    over=Over.NUMBERS,
    score=lambda pair: kolmogorov_smirnov(pair.difference, pair.geometry.fine_starts),
    noise=Noise.ROOT,
)
