"""Edges of the fine bins of a numeric variable, and how they group into deciles."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import EVEN_EDGES, EVEN_GROUPS, SCORE_TAILS

FINE_BINS: Final = 250
"""Quantile bins of a numeric variable; 250 merge into deciles 25 by 25."""

EXPOSED_BINS: Final = 10


def quantile_edges(sample: FloatArray, bins: int = FINE_BINS) -> FloatArray:
    """Return the interior edges of ``bins`` quantile bins of ``sample`` (finite values, any order).

    Edges are values of the sample, so that ties fall on one side; equal edges are merged, hence a
    variable of few distinct values gets one bin for each of them (given that each is frequent enough
    to be a quantile). The smallest value is no edge: nothing of the sample lies below it. A constant has
    a bin of its own between what is below and what is above, or no other value could be told from it.

    >>> quantile_edges(np.arange(1000.0), bins=4).tolist()
    [250.0, 500.0, 750.0]
    >>> quantile_edges(np.array([0.0] * 90 + [1.0] * 10), bins=4).tolist()
    [1.0]
    >>> quantile_edges(np.array([0.0, 0.0])).tolist()
    [0.0, 5e-324]
    """
    if not len(sample):
        return np.zeros(0)
    distinct = np.unique(sample)
    if len(distinct) == 1:
        return np.array([distinct[0], np.nextafter(distinct[0], np.inf)])
    if len(distinct) <= bins:
        return np.asarray(distinct[1:], np.float64)
    shares = np.arange(1, bins) / bins
    edges = np.unique(np.quantile(sample, shares, method="higher"))
    above: FloatArray = edges[edges > distinct[0]]
    return above


def decile_groups(counts: IntArray, groups: int = EXPOSED_BINS) -> IntArray:
    """Return the first fine bin of each exposed bin, given the baseline's count in each fine bin.

    A group begins at the fine edge whose cumulative count is nearest to its tenth of the total:
    deciles exactly where the fine bins are quantiles, fewer groups where ties make a bin heavy.

    >>> decile_groups(np.array([1] * 20)).tolist()
    [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]
    >>> decile_groups(np.array([95, 1, 1, 1, 1, 1])).tolist()
    [0, 1]
    """
    total = int(counts.sum())
    if not total or len(counts) == 1:
        return np.zeros(1, np.int64)
    if np.count_nonzero(counts) == 1:
        return np.arange(len(counts))
    below = np.concatenate(([0], np.cumsum(counts))) * groups
    targets = np.arange(1, groups) * total
    starts = np.abs(below - targets[:, None]).argmin(axis=1)
    starts = np.unique(np.concatenate(([0], starts)))
    return starts[starts < len(counts)].astype(np.int64)


def score_bins(sample: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the interior edges of the score bins and the first fine bin of each exposed one.

    The fine edges are 200 quantiles of the baseline's scores together with the tenths, on which the
    calibration error rests, and some near 0 and 1; twentieths of the baseline's scores and the tenths are exposed.
    Without scores of one class the edges are even ones.
    """
    tenths = np.arange(1, 10) / 10
    if not len(sample):
        return EVEN_EDGES, EVEN_GROUPS
    inside = sample[(sample > 0) & (sample < 1)]
    fine = quantile_edges(inside, 200)
    coarse = quantile_edges(inside, 20)
    edges = np.union1d(np.union1d(fine, tenths), SCORE_TAILS)
    shown = np.intersect1d(np.union1d(coarse, tenths), edges)
    starts = np.searchsorted(edges, shown, side="left") + 1
    return edges, np.concatenate(([0], starts)).astype(np.int64)
