"""Counters of processes that come and go, as one that never falls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Key = tuple[int, float]
"""A process: its id and when it started."""

_ALIVE: Final[Mapping[Key, Key]] = {}


class Growth:
    """Adds up what each process counted since it was first seen; one that ends takes nothing away.

    Processes of the first collection count from there on, later ones from their start.
    """

    def __init__(self) -> None:
        self._seen: dict[Key, float] = {}
        self._parents: Mapping[Key, Key] = _ALIVE
        self.total = 0.0

    def add(self, counts: Mapping[Key, float], parents: Mapping[Key, Key] = _ALIVE) -> float:
        """Take the counts of now and return the total.

        ``parents`` is for counters that a process takes over from a child that it waited for: what was seen of a
        child that is gone is not counted again as growth of the nearest one above it that is there.
        """
        taken: dict[Key, float] = {}
        for key, count in self._seen.items():
            if key not in counts:
                above = self._parents.get(key)
                while above is not None and above not in counts:
                    above = self._parents.get(above)
                if above is not None:
                    taken[above] = taken.get(above, 0.0) + count
        for key, count in counts.items():
            before = self._seen.get(key, 0.0 if self._seen else count)
            self.total += max(count - before - taken.get(key, 0.0), 0.0)
        self._seen, self._parents = dict(counts), dict(parents)
        return self.total
