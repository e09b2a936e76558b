"""A sliding window: the sum of its time slices."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import numpy as np

from ml_exporter.core.arrays import IntArray
from ml_exporter.core.text import parse_duration
from ml_exporter.sums.layout import Layout, Sums

T = TypeVar("T")

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_WIDTHS: Final = (
    *(1, 2, 5, 10, 15, 20, 30),
    *(_MINUTE * n for n in (1, 2, 5, 10, 15, 20, 30)),
    *(_HOUR * n for n in (1, 2, 3, 4, 6, 12)),
    _DAY,
)
_SLICES: Final = 24


@dataclass(frozen=True, slots=True)
class Window:
    """A window's length and the width of its slices, in seconds, and its label as the configuration spells it."""

    length: int
    width: int
    label: str

    @classmethod
    def of(cls, duration: str) -> Window:
        """Return the window of a duration, cut into at least 24 slices of a round width if it can be.

        >>> Window.of("24h")
        Window(length=86400, width=3600, label='24h')
        """
        length = int(parse_duration(duration))
        fitting = [width for width in _WIDTHS if length % width == 0 and length // width >= _SLICES]
        return cls(length, max(fitting, default=1), duration)

    @property
    def slices(self) -> int:
        """The number of slices of a full window."""
        return self.length // self.width


@dataclass(slots=True)
class Slice:
    """The sums of one slice: its number since the epoch, the time of its first event, its vector."""

    number: int
    first: float
    vector: IntArray
    _derived: dict[Callable[..., Any], Any] = field(default_factory=dict)

    def add(self, vector: IntArray) -> None:
        """Add the sums of more events."""
        self.vector += vector
        self._derived.clear()

    def derived(self, make: Callable[[Sums], T], layout: Layout) -> T:
        """Return what ``make`` makes of the sums, made once until the slice grows."""
        if make not in self._derived:
            self._derived[make] = make(Sums(layout, self.vector))
        value: T = self._derived[make]
        return value


class Ring:
    """The slices of one window, and their sum.

    The window ends now and reaches back by its length at most, by its length less one slice at least.
    The total is kept by adding what comes and taking away what expires, which integers do exactly.
    """

    def __init__(self, window: Window, layout: Layout) -> None:
        self.window = window
        self.total = Sums(layout)
        self.slices: deque[Slice] = deque()

    def advance(self, now: float) -> bool:
        """Drop the slices that the window has left behind by ``now``; return whether there were any."""
        oldest = int(now // self.window.width) - self.window.length // self.window.width
        changed = False
        while self.slices and self.slices[0].number <= oldest:
            self.total.subtract(self.slices.popleft().vector)
            changed = True
        return changed

    def add(self, now: float, vector: IntArray) -> None:
        """Add the sums of events that were counted at ``now``."""
        self.advance(now)
        number = int(now // self.window.width)
        if not self.slices or self.slices[-1].number < number:
            self.slices.append(Slice(number, now, vector.copy()))
        else:
            self.slices[-1].add(vector)
        self.total.add(vector)

    def restore(self, part: Slice, now: float) -> None:
        """Append a slice of an earlier run; slices come oldest first, and those after ``now`` become one."""
        number = min(part.number, int(now // self.window.width))
        if self.slices and self.slices[-1].number == number:
            self.slices[-1].add(part.vector)
        else:
            self.slices.append(Slice(number, min(part.first, now), part.vector))
        self.total.add(part.vector)

    @property
    def started(self) -> float:
        """Time of the first event in the window; NaN for an empty window."""
        return self.slices[0].first if self.slices else np.nan
