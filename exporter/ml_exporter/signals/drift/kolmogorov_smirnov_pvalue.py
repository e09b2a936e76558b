"""p-value of the Kolmogorov-Smirnov statistic."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.drift.comparison import Comparison
from ml_exporter.signals.drift.kolmogorov_smirnov import kolmogorov_smirnov
from ml_exporter.signals.drift.measure import DriftMeasure, Over


def kolmogorov_smirnov_pvalue(statistic: FloatArray, window: FloatArray, baseline: FloatArray) -> FloatArray:
    """p-value of the two-sample Kolmogorov-Smirnov test: chance of such a gap without drift; lower is worse.

    ``p = 2 sum_{k>=1} (-1)^(k-1) exp(-2 k^2 z^2)``, ``z = D sqrt(n m / (n + m))``: the limit distribution,
    with ``statistic`` D and the samples ``window`` n and ``baseline`` m, all (numeric variables,). Returns
    (numeric variables,).

    Range: 0 to 1; 1 for identical distributions. With many samples any difference, however small, gives
    a small p: alert on the statistic above its noise floor, not on p alone.
    Bound: ``D`` from fine bins is at most the exact one, so ``p`` is at least the exact one; the limit
    distribution itself is slightly conservative for small samples.
    Missing values, wrong types and infinities are left out.
    Minimum samples: the configured minimum of numbers in the window; below it there is no sample.
    Cost: O(numeric variables).

    Reference: N. Smirnov, Table for estimating the goodness of fit of empirical distributions, Ann.
    Math. Statist. 19 (1948), doi:10.1214/aoms/1177730256.

    >>> float(kolmogorov_smirnov_pvalue(np.array([0.1]), np.array([200.0]), np.array([200.0])).round(4)[0])
    0.27
    """
    from scipy.special import kolmogorov  # takes long to import, and only an evaluation needs it

    pvalues: FloatArray = kolmogorov(statistic * np.sqrt(window * baseline / np.maximum(window + baseline, 1.0)))
    return pvalues


def _score(pair: Comparison) -> FloatArray:
    statistic = kolmogorov_smirnov(pair.difference, pair.geometry.fine_starts)
    window, baseline = (side.present.astype(np.float64) for side in (pair.window, pair.baseline))
    return kolmogorov_smirnov_pvalue(statistic, window, baseline)


MEASURE: Final = DriftMeasure(
    key="kolmogorov_smirnov_pvalue",
    help="p-value of the two-sample Kolmogorov-Smirnov test (1 same, near 0 different)",
    over=Over.NUMBERS,
    score=_score,
    noise=None,
)
