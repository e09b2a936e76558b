"""Two clocks, injected wherever time matters.

``wall`` is the time of day, for timestamps that people and Prometheus read. ``steady`` starts equal to
the wall clock and then advances with the time that has passed, suspension included, whatever is done
to the wall clock: windows slide by it, so that a step of the wall clock neither expires nor freezes them.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Source of time, in seconds since the Unix epoch."""

    def wall(self) -> float:
        """Return the time of day."""

    def steady(self) -> float:
        """Return a time that never goes back and never jumps."""


class SystemClock:
    """The clock of this machine."""

    def __init__(self) -> None:
        self._boot = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        self._offset = time.time() - time.clock_gettime(self._boot)

    def wall(self) -> float:
        """Return the time of day in seconds since the Unix epoch."""
        return time.time()

    def steady(self) -> float:
        """Return the wall clock of the start plus the seconds passed since, suspension included."""
        return self._offset + time.clock_gettime(self._boot)


class ManualClock:
    """A clock that stands still until it is set: for replays, backfills and tests."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def wall(self) -> float:
        """Return the time last set."""
        return self.now

    def steady(self) -> float:
        """Return the time last set."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move the clock ``seconds`` forward."""
        self.now += seconds
