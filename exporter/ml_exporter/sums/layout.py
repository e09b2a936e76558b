"""One flat vector of integers for all sums of a model version, and the names of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from ml_exporter.core.arrays import IntArray


@dataclass(frozen=True, slots=True)
class BlockSpec:
    """Name and shape of one part of the vector."""

    name: str
    shape: tuple[int, ...]


class Layout:
    """The parts of the vector, in order. Two layouts with the same parts are interchangeable."""

    def __init__(self, blocks: Iterable[BlockSpec]) -> None:
        self.blocks = tuple(blocks)
        names = [block.name for block in self.blocks]
        if len(set(names)) != len(names):
            raise ValueError(f"block names must be unique, got {names}")
        self._places: dict[str, tuple[int, int, tuple[int, ...]]] = {}
        start = 0
        for block in self.blocks:
            end = start + prod(block.shape)
            self._places[block.name] = (start, end, block.shape)
            start = end
        self.size = start

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def part(self, vector: IntArray, name: str) -> IntArray:
        """Return the part ``name`` of ``vector`` (…, size) in its shape; a view, not a copy."""
        start, end, shape = self._places[name]
        return vector[..., start:end].reshape(*vector.shape[:-1], *shape)


class Sums:
    """Sums over events: a zero, an addition, a subtraction that undoes it, and parts by name.

    The vector is int64 of ``layout.size``. Adding is exact and commutative. Several vectors as rows of one array
    are read in one go: each part then has a leading axis.
    """

    __slots__ = ("_parts", "layout", "vector")

    def __init__(self, layout: Layout, vector: IntArray | None = None) -> None:
        self.layout = layout
        self.vector: IntArray = np.zeros(layout.size, np.int64) if vector is None else vector
        self._parts: dict[str, IntArray] = {}

    def __getitem__(self, name: str) -> IntArray:
        part = self._parts.get(name)
        if part is None:
            part = self._parts[name] = self.layout.part(self.vector, name)
        return part

    def __contains__(self, name: object) -> bool:
        return name in self.layout

    def add(self, vector: IntArray) -> None:
        """Add another vector of the same layout."""
        self.vector += vector

    def subtract(self, vector: IntArray) -> None:
        """Take away a vector that was added before."""
        self.vector -= vector

    def clear(self) -> None:
        """Set every sum to zero."""
        self.vector[:] = 0
