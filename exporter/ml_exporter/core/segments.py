"""Segments: declared ways to part the predictions of a model into few named groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Final

import numpy as np

from ml_exporter.core.arrays import ABSENT, CodeArray, FloatArray, IntArray, payload_of
from ml_exporter.core.text import label_value

OTHER: Final = "other"
MISSING_GROUP: Final = "missing"

MOST_GROUPS: Final = 20
"""Named groups of a segment (chosen: each has some thirty series); what goes over counts as ``other``."""

MOST_SEGMENTS: Final = 10
"""Segments of a model (chosen)."""

_ABSENT: Final = int(payload_of(np.array([ABSENT]))[0])


class SegmentKind(StrEnum):
    """Where the group of a prediction comes from."""

    CATEGORICAL = "categorical"
    NUMERIC = "numeric"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """What a configuration, or a command, says about one segment."""

    values: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()
    reference: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Segment:
    """One way to part predictions: by the category or the range of a feature, or by what events say beside them.

    ``values`` are the categories, of a feature or sent, that are groups of their own; ``labels`` how they are
    shown, if not by themselves. ``edges`` part the numbers of a feature: group ``i`` holds
    ``edges[i-1] <= x < edges[i]``. ``reference`` is the group with which fairness compares the others; empty where
    fairness is not asked for.
    """

    name: str
    kind: SegmentKind
    values: tuple[str, ...] = ()
    edges: FloatArray = field(default_factory=lambda: np.zeros(0))
    labels: tuple[str, ...] = ()
    reference: str = ""

    @property
    def groups(self) -> tuple[str, ...]:
        """The label of every group, ``other`` and ``missing`` last."""
        return (*self._named(), OTHER, MISSING_GROUP)

    def _named(self) -> tuple[str, ...]:
        if self.kind is SegmentKind.NUMERIC:
            bounds = ["-Inf", *(f"{edge:g}" for edge in self.edges), "+Inf"]
            return tuple(f"{'(' if low == '-Inf' else '['}{low}, {high})" for low, high in pairwise(bounds))
        reserved = {OTHER, MISSING_GROUP}
        return self.labels or tuple(label_value(f'"{v}"' if v in reserved else v) for v in self.values)

    @property
    def named(self) -> int:
        """The number of groups, ``other`` and ``missing`` left out; the code of ``other``."""
        return len(self.edges) + 1 if self.kind is SegmentKind.NUMERIC else len(self.values)

    def of_numbers(self, numbers: FloatArray) -> CodeArray:
        """Return the group of each number, (rows,)."""
        codes = np.searchsorted(self.edges, numbers, side="right").astype(np.int32)
        gaps = np.isnan(numbers)
        if gaps.any():
            codes[gaps] = np.where(payload_of(numbers[gaps]) <= _ABSENT, self.named + 1, self.named)
        return codes

    def of_categories(self, categories: tuple[str, ...]) -> IntArray:
        """Return the group of each category's code, and of other, missing, absent and wrong type behind them."""
        place = {value: code for code, value in enumerate(self.values)}
        known = [place.get(name, self.named) for name in categories]
        return np.array([*known, self.named, self.named + 1, self.named + 1, self.named], np.int64)

    def identity(self) -> bytes:
        """Return what the sums of this segment depend on."""
        parts = [self.name, self.kind.value, *self.values]
        text = "|".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "replace")
        return text + self.edges.astype("<f8").tobytes()
