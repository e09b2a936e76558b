"""Cramer's V, the effect size of the chi-squared statistic."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.drift.chi_squared import statistic_of
from ml_exporter.signals.drift.comparison import Comparison
from ml_exporter.signals.drift.measure import DriftMeasure, Noise, Over


def cramers_v(statistic: FloatArray, total: FloatArray) -> FloatArray:
    """Cramer's V: strength of the association between side and category; higher is worse.

    ``V = sqrt(X2 / N)`` for the 2 x categories table of window and baseline, with ``statistic`` X2 and
    ``total`` N the rows of both sides, each (categorical variables,); the usual divisor
    ``min(rows, columns) - 1`` is 1. Returns (categorical variables,).

    Range: 0 (same shares) to 1 (no category in common), without unit. It depends on how the rows divide
    between the sides: a window much smaller than the baseline lowers it.
    Bins, missing and unseen values, minimum samples: as for the chi-squared statistic.
    Cost: O(categories).

    Reference: H. Cramér, Mathematical Methods of Statistics, Princeton 1946, page 282.

    >>> cramers_v(np.array([5.333333]), np.array([120.0])).round(4).tolist()
    [0.2108]
    """
    return np.sqrt(statistic / np.maximum(total, 1.0))


def _score(pair: Comparison) -> FloatArray:
    rows = (pair.window.rows + pair.baseline.rows)[pair.geometry.categorical]
    return cramers_v(statistic_of(pair), rows.astype(np.float64))


MEASURE: Final = DriftMeasure(
    key="cramers_v",
    help="Cramer's V of window and baseline (0 same, 1 disjoint)",
    over=Over.CATEGORIES,
    score=_score,
    noise=Noise.ROOT,
)
