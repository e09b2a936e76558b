"""In which bin values lie: of many variables at once, without sorting anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray

CELLS: Final = 2048
"""Cells of a variable's table: a power of two (chosen: 16 KiB, half of a core's first cache)."""

_MOST: Final = 3
"""Edges in one cell at most: each takes a comparison of every value."""

_MANTISSA: Final = 52
_LEAST_BITS: Final = 4
"""Bits of the mantissa that a logarithmic map reads at least: sixteen cells for each doubling of a value."""


@dataclass(frozen=True, slots=True)
class _Map:
    """From a value to its cell: the bits of ``factor * value + summand``, but the last ``shift``, less ``first``.

    Bits of positive numbers ascend as the numbers do, and neither a product nor a sum, rounded or not, falls when
    the value rises: nor does the cell.
    """

    factor: float
    summand: float
    shift: int
    first: int

    def cells(self, values: FloatArray) -> IntArray:
        with np.errstate(over="ignore"):
            bits = (values * self.factor + self.summand).view(np.int64) >> self.shift
        cells: IntArray = np.clip(bits - self.first, 0, CELLS - 1)
        return cells


class BinFinder:
    """Finds the bins of values by a table of where in them each cell of a map begins.

    A value is in the bin after the last edge that is not above it. The map decides how long it takes to find that
    bin, never which it is: within a cell, values are compared with edges. It is linear or, where that parts the
    edges better, logarithmic; a variable whose edges neither parts is searched.
    Time: O(values), of what is searched O(values x log edges). Memory: 16 KiB a variable.

    >>> BinFinder([np.array([0.0, 10.0]), np.array([1.0])], [0, 3])(np.array([[-1.0, 0.0, 99.0], [0.0, 1.0, 2.0]]))
    array([[0, 1, 2],
           [3, 4, 4]])
    """

    def __init__(self, edges: Sequence[FloatArray], starts: Sequence[int] | IntArray) -> None:
        """Prepare for variables with the given edges, each ascending.

        ``starts`` is the number of the first bin of each variable; no two variables may have a number in common.
        """
        self._edges = list(edges)
        self._starts = list(starts)
        maps = [_best(each) for each in edges]
        self._searched = [place for place, found in enumerate(maps) if found is None]
        used = [found or _ONE_CELL for found in maps]
        tops = [start + len(each) for start, each in zip(self._starts, edges, strict=True)]
        # No value is at or above NaN, so that none goes beyond the last bin.
        self._bounds = np.full(max(tops, default=-1) + 1, np.nan)
        table = np.zeros((len(maps), CELLS), np.int64)
        self._compared = 0
        for row, (start, each, found) in enumerate(zip(self._starts, edges, maps, strict=True)):
            self._bounds[start : start + len(each)] = each
            taken = np.zeros(0, np.int64) if found is None else found.cells(each)
            table[row] = start + np.searchsorted(taken, np.arange(CELLS))
            self._compared = max(self._compared, _crowd(taken))
        self._table = table.ravel()
        self._factors = _column([each.factor for each in used])
        self._summands = _column([each.summand for each in used])
        self._shifts = np.array([each.shift for each in used], np.int64).reshape(-1, 1)
        self._lowest = CELLS * np.arange(len(maps)).reshape(-1, 1)
        self._highest = self._lowest + CELLS - 1
        self._first = np.array([each.first for each in used], np.int64).reshape(-1, 1) - self._lowest

    def __call__(self, values: FloatArray) -> IntArray:
        """Return the number of the bin of each of ``values``, (variables, rows), finite or NaN; of NaN any."""
        with np.errstate(over="ignore"):
            mapped = np.multiply(values, self._factors)
            mapped += self._summands
        cells = mapped.view(np.int64)
        cells >>= self._shifts
        cells -= self._first
        np.maximum(cells, self._lowest, out=cells)
        np.minimum(cells, self._highest, out=cells)
        # Every place exists, and numpy is fastest where it need not say which does not.
        bins: IntArray = self._table.take(cells, mode="wrap")
        for _ in range(self._compared):
            bins += values >= self._bounds.take(bins, mode="wrap")
        for row in self._searched:
            bins[row] = self._edges[row].searchsorted(values[row], side="right") + self._starts[row]
        return bins


_ONE_CELL: Final = _Map(0.0, 0.0, 0, 0)


def _column(numbers: Sequence[float]) -> FloatArray:
    return np.array(numbers, np.float64).reshape(-1, 1)


def _crowd(cells: IntArray) -> int:
    """Return the largest number of edges in one cell."""
    return int(np.bincount(cells).max(initial=0))


def _best(edges: FloatArray) -> _Map | None:
    """Return the map that parts the edges best, None if it leaves too many in a cell."""
    candidates = [found for found in (_linear(edges), *_logarithmic(edges)) if found is not None]
    crowds = [_crowd(found.cells(edges)) for found in candidates]
    if not crowds or min(crowds) > _MOST:
        return None
    return candidates[crowds.index(min(crowds))]


def _linear(edges: FloatArray) -> _Map | None:
    """Return a map onto numbers from 1 to 2, whose bits are evenly spaced; None if there is none."""
    if len(edges) < 2:
        return _ONE_CELL
    with np.errstate(all="ignore"):
        factor = 1.0 / (edges[-1] - edges[0])
        summand = 1.0 - edges[0] * factor
    if not (np.isfinite(factor) and np.isfinite(summand)):
        return None
    return _map(float(factor), float(summand), edges[0], CELLS.bit_length() - 1)


def _logarithmic(edges: FloatArray) -> list[_Map]:
    """Return maps of the values' own bits, which are spaced as their logarithms are: fine ones to far ones."""
    if len(edges) < 2 or edges[0] <= 0:
        return []
    return [_map(1.0, 0.0, edges[0], bits) for bits in range(CELLS.bit_length() - 1, _LEAST_BITS - 1, -1)]


def _map(factor: float, summand: float, lowest: float, bits: int) -> _Map:
    shift = _MANTISSA - bits
    first = int(np.float64(factor * lowest + summand).view(np.int64)) >> shift
    return _Map(factor, summand, shift, max(first, 0))
