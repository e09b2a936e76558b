"""Chi-squared statistic of the two-sample contingency test."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.drift.comparison import Comparison
from ml_exporter.signals.drift.measure import DriftMeasure, Noise, Over


def chi_squared(window: IntArray, baseline: IntArray, starts: IntArray) -> FloatArray:
    """Pearson's chi-squared of the 2 x categories table of window and baseline; higher is worse.

    ``X2 = n m sum_b (c_b / n - d_b / m)^2 / (c_b + d_b)`` over the categories that occur on either side,
    with ``c`` (``window``) and ``d`` (``baseline``) the counts, (bins,) flat over the categorical
    variables, ``n`` and ``m`` their sums, and ``starts`` (categorical variables,) the first bin of each.
    Equal to the usual sum of (observed - expected)^2 / expected over both rows. Returns (categorical
    variables,).

    Range: 0 (same shares) upwards, without unit; grows with the samples, so compare it with its noise
    floor, or read Cramer's V, its effect size.
    Bins: categories, then ``other`` (unseen categories, wrong types) and ``missing``; no continuity
    correction; categories of which neither side has a row are left out.
    Minimum samples: the configured minimum of rows in the window; below it there is no sample. The
    limit distribution behind its p-value wants about five expected rows in most categories.
    Cost: O(categories) time and memory, whatever the number of events.

    Reference: K. Pearson, On the probability that two independent distributions of frequency are really
    samples from the same population, Biometrika 8 (1911), doi:10.1093/biomet/8.1-2.250.

    >>> chi_squared(np.array([10, 20, 30]), np.array([20, 20, 20]), np.array([0])).round(6).tolist()
    [5.333333]
    """
    sizes = np.diff(np.append(starts, len(window)))
    n = np.repeat(np.add.reduceat(window, starts), sizes)
    m = np.repeat(np.add.reduceat(baseline, starts), sizes)
    gap = window / np.maximum(n, 1) - baseline / np.maximum(m, 1)
    terms = gap * gap * n * m / np.maximum(window + baseline, 1)
    scores: FloatArray = np.add.reduceat(terms, starts)
    return scores


def categorical_bins(pair: Comparison) -> tuple[IntArray, IntArray, IntArray]:
    """Return the counts of window and baseline in the categorical variables' bins, and their starts."""
    geometry = pair.geometry
    starts = geometry.starts[geometry.categorical]
    first = int(starts[0])
    return pair.window.bins[first:], pair.baseline.bins[first:], starts - first


def statistic_of(pair: Comparison) -> FloatArray:
    """Return the statistic of each categorical variable, made once for all that read it."""
    return pair.derived(_statistic)


def _statistic(pair: Comparison) -> FloatArray:
    return chi_squared(*categorical_bins(pair))


MEASURE: Final = DriftMeasure(
    key="chi_squared",
    help="Chi-squared statistic of the two-sample contingency test (0 same; grows with the samples)",
    over=Over.CATEGORIES,
    score=statistic_of,
    noise=Noise.LINEAR,
)
