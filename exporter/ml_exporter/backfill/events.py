"""Recorded events as they are counted: predictions and labels, each with the time at which it arrived."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ml_exporter.core.arrays import BoolArray, FloatArray, HashArray, IntArray
from ml_exporter.ingest.assemble import Predictions

SEED = 0
"""Seed of the hashes of ids: a history keeps none of them."""


@dataclass(slots=True)
class Labels:
    """Labels of one model: hash of the id, code or value, own time, and time of arrival, each (labels,)."""

    hashes: HashArray
    values: FloatArray
    times: FloatArray
    arrivals: FloatArray

    @classmethod
    def none(cls) -> Labels:
        """Return no labels."""
        return cls(np.zeros(0, np.uint64), np.zeros(0), np.zeros(0), np.zeros(0))

    def __len__(self) -> int:
        return len(self.hashes)

    def rows(self, rows: slice | IntArray | BoolArray) -> Labels:
        """Return some of the labels."""
        return Labels(self.hashes[rows], self.values[rows], self.times[rows], self.arrivals[rows])

    def merged(self, other: Labels) -> Labels:
        """Return these and others in the order of arrival."""
        both = Labels(
            np.concatenate((self.hashes, other.hashes)),
            np.concatenate((self.values, other.values)),
            np.concatenate((self.times, other.times)),
            np.concatenate((self.arrivals, other.arrivals)),
        )
        return both.rows(np.argsort(both.arrivals, kind="stable"))


@dataclass(slots=True)
class Chunk:
    """Some of a file's events: predictions, None if there are only labels, their times (rows,), and labels.

    ``rows`` is the number of rows or lines that were read for them.
    """

    rows: int
    predictions: Predictions | None
    times: FloatArray
    labels: Labels


@dataclass(slots=True)
class Notes:
    """What could not be used, in sentences with the number of times and the first place of each."""

    found: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, what: str, where: str, count: int = 1) -> None:
        """Note something; ``where`` is told of the first time only."""
        if count:
            before, first = self.found.get(what, (0, where))
            self.found[what] = (before + count, first)

    def lines(self) -> list[str]:
        """Return a line for each."""
        return [f"{what}: {count:,}, first at {where}" for what, (count, where) in self.found.items()]
