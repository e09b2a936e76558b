"""p-value of the chi-squared statistic."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.drift.chi_squared import categorical_bins, statistic_of
from ml_exporter.signals.drift.comparison import Comparison
from ml_exporter.signals.drift.measure import DriftMeasure, Over


def chi_squared_pvalue(statistic: FloatArray, freedom: FloatArray) -> FloatArray:
    """p-value of the two-sample contingency test: chance of such a table without drift; lower is worse.

    ``p = P(X >= X2)`` for ``X`` chi-squared distributed with ``freedom`` degrees: the categories that occur
    on either side, less one. ``statistic`` and ``freedom`` are (categorical variables,). Returns
    (categorical variables,).

    Range: 0 to 1; 1 for identical shares, and 1 where only one category occurs. With many samples any
    difference, however small, gives a small p: alert on the effect size above its noise floor.
    Bins, missing and unseen values, minimum samples: as for the statistic.
    Cost: O(categories).

    Reference: K. Pearson, On the probability that two independent distributions of frequency are really
    samples from the same population, Biometrika 8 (1911), doi:10.1093/biomet/8.1-2.250.

    >>> chi_squared_pvalue(np.array([5.333333]), np.array([2.0])).round(4).tolist()
    [0.0695]
    """
    from scipy.special import chdtrc  # takes long to import, and only an evaluation needs it

    pvalues = np.where(freedom > 0, chdtrc(np.maximum(freedom, 1.0), statistic), 1.0)
    return np.asarray(pvalues, np.float64)


def _score(pair: Comparison) -> FloatArray:
    window, baseline, starts = categorical_bins(pair)
    occurring = np.add.reduceat((window + baseline > 0).astype(np.float64), starts)
    return chi_squared_pvalue(statistic_of(pair), occurring - 1.0)


MEASURE: Final = DriftMeasure(
    key="chi_squared_pvalue",
    help="p-value of the two-sample chi-squared contingency test (1 same, near 0 different)",
    over=Over.CATEGORIES,
    score=_score,
    noise=None,
)
