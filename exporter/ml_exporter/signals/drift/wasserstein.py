"""Wasserstein distance."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.drift.comparison import Comparison
from ml_exporter.signals.drift.measure import DriftMeasure, Noise, Over


def wasserstein(difference: FloatArray, reached: FloatArray, width: FloatArray, starts: IntArray) -> FloatArray:
    """First Wasserstein distance: how far the mass of one distribution must move; higher is worse.

    ``W = integral |F(x) - G(x)| dx`` in baseline standard deviations, with ``F`` and ``G`` the cumulative
    shares of the window's and of the baseline's numbers. Because a sum of values is kept for each fine
    bin, the integral of ``F - G`` over each bin is known exactly; ``W`` adds their magnitudes, and where
    ``F - G`` changes its sign within a bin it takes at least the two triangles of a straight crossing.
    ``difference`` is ``F - G`` at the upper edges, ``reached`` the difference of the mean distance from a
    number to its edge, ``width`` the width of a bin (0 for the two open ones), each (fine bins,) flat over
    the numeric variables; ``starts`` (numeric variables,) is the first fine bin of each. Returns (numeric
    variables,).

    Range: 0 (same) upwards; 1 is a shift of the whole distribution by one standard deviation.
    Bound: exact where ``F - G`` keeps its sign within each bin; otherwise the error is at most the sum,
    over the bins in which it does not, of the bin's width times the two shares in it. Values more than
    4,096 standard deviations from the baseline's mean count as that far.
    Missing values, wrong types and infinities are left out; no smoothing.
    Minimum samples: the configured minimum of numbers in the window; below it there is no sample.
    Cost: O(fine bins) time and memory, whatever the number of events.

    Reference: S. Vallender, Calculation of the Wasserstein distance between probability distributions on
    the line, Theory Probab. Appl. 18 (1974), doi:10.1137/1118101.

    >>> edges = np.array([0.0, 1.0])  # three bins; baseline {0.5}, window {0.25}: apart by a quarter
    >>> cumulative = np.array([0.0, 0.0, 0.0])
    >>> reached = np.array([0.0, 0.75 - 0.5, 0.0])
    >>> float(wasserstein(cumulative, reached, np.array([0.0, 1.0, 0.0]), np.array([0]))[0])
    0.25
    """
    right = difference
    left = np.empty_like(right)
    left[1:] = right[:-1]
    left[starts] = 0.0
    integral = np.abs(left * width + reached)
    size = np.abs(left) + np.abs(right)
    crossing = (left * right < 0.0) & (width > 0.0)
    triangles = np.where(crossing, width * (left**2 + right**2) / (2.0 * np.maximum(size, 1e-300)), 0.0)
    scores: FloatArray = np.add.reduceat(np.maximum(integral, triangles), starts)
    return scores


def _score(pair: Comparison) -> FloatArray:
    reached = pair.window.reached - pair.baseline.reached
    return wasserstein(pair.difference, reached, pair.geometry.width, pair.geometry.fine_starts)


MEASURE: Final = DriftMeasure(
    key="wasserstein",
    help="First Wasserstein distance in baseline standard deviations (0 same)",
    over=Over.NUMBERS,
    score=_score,
    noise=Noise.ROOT,
)
