"""Population stability index."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.drift.measure import DriftMeasure, Noise, Over

FLOOR: Final = 1e-4
"""Smallest share of a bin, so that an empty one counts as nearly empty instead of as infinite (chosen)."""


def psi(window: FloatArray, baseline: FloatArray, starts: IntArray) -> FloatArray:
    """Population stability index: how much two distributions differ; higher is worse.

    ``PSI = sum_b (p_b - q_b) ln(p_b / q_b)``, the symmetric Kullback-Leibler divergence in nats, with
    ``p`` (``window``) and ``q`` (``baseline``) the shares of the rows in each bin, (bins,) flat over the
    variables, and ``starts`` (variables,) the first bin of each variable. Returns (variables,).

    Range: 0 (same shares) upwards, without unit. Read as: below 0.1 stable, above 0.25 shifted
    (Siddiqi 2006).
    Bins: deciles of the baseline, or categories, then ``other`` and ``missing``. Shares below 1e-4 count
    as 1e-4 on both sides, so that tables without empty bins give the textbook value. Unseen categories
    and infinities fall into ``other``, null and absent values into ``missing``.
    Minimum samples: the configured minimum of rows in the window; below it there is no sample.
    Cost: O(bins) time and memory, whatever the number of events.

    Reference: N. Siddiqi, Credit Risk Scorecards, Wiley 2006; equal to the J-divergence of
    H. Jeffreys, An invariant form for the prior probability in estimation problems, Proc. R. Soc. A 186 (1946),
    doi:10.1098/rspa.1946.0056.

    >>> float(psi(np.array([0.5, 0.5]), np.array([0.4, 0.6]), np.array([0])).round(6)[0])
    0.040547
    """
    p = np.maximum(window, FLOOR)
    q = np.maximum(baseline, FLOOR)
    scores: FloatArray = np.add.reduceat((p - q) * np.log(p / q), starts)
    return scores


MEASURE: Final = DriftMeasure(
    key="psi",
    help="Population stability index (0 same, above 0.25 shifted)",
    over=Over.BINS,
    score=lambda pair: psi(pair.window.shares, pair.baseline.shares, pair.geometry.starts),
    noise=Noise.LINEAR,
)
