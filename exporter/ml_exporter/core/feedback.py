"""The scale of the ratings that people give to predictions, and the steps by which they are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ml_exporter.core.arrays import BoolArray, FloatArray, IntArray

WHOLE_STEPS: Final = 10
"""Longest scale between whole numbers of which each number is a step of its own (chosen: 0 to 10 is)."""

FIFTHS: Final = 5
_POSITIVE_FIFTHS: Final = 2


@dataclass(frozen=True, slots=True)
class Scale:
    """The lowest and the highest rating.

    Ratings count by the nearest whole number, halves up, if the ends are whole and at most ten apart, and else by
    fifth of the scale.

    >>> Scale(1, 5).labels, Scale(0, 100).labels
    (('1', '2', '3', '4', '5'), ('[0, 20)', '[20, 40)', '[40, 60)', '[60, 80)', '[80, 100]'))
    """

    lowest: float
    highest: float

    @property
    def length(self) -> float:
        """The highest rating less the lowest."""
        return self.highest - self.lowest

    @property
    def is_whole(self) -> bool:
        """Whether each whole number is a step."""
        ends_whole = float(self.lowest).is_integer() and float(self.highest).is_integer()
        return ends_whole and self.length <= WHOLE_STEPS

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each step."""
        if self.is_whole:
            return tuple(str(number) for number in range(int(self.lowest), int(self.highest) + 1))
        cuts = [f"{self.lowest + self.length * part / FIFTHS:.12g}" for part in range(FIFTHS + 1)]
        return tuple(
            f"[{cuts[part]}, {cuts[part + 1]}{']' if part == FIFTHS - 1 else ')'}" for part in range(FIFTHS)
        )

    def steps(self, ratings: FloatArray) -> IntArray:
        """Return the step of each rating, (rows,); ratings lie within the scale."""
        above = ratings - self.lowest
        steps = np.floor(above + 0.5) if self.is_whole else np.floor(above * FIFTHS / self.length)
        return np.minimum(steps, len(self.labels) - 1).astype(np.int64)

    def positive(self, ratings: FloatArray) -> BoolArray:
        """Return which ratings, (rows,), lie in the upper two fifths of the scale, its cut included."""
        return (ratings - self.lowest) * FIFTHS >= (FIFTHS - _POSITIVE_FIFTHS) * self.length

    def identity(self) -> bytes:
        """Return what the sums of ratings depend on."""
        return b"feedback" + np.array([self.lowest, self.highest], "<f8").tobytes()
