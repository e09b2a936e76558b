"""Labels that arrived before their prediction, kept a while for it."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, HashArray

WAIT: Final = 600.0
"""Seconds that an early label waits for its prediction (chosen: races and retries take less)."""

CAPACITY: Final = 100_000
"""Early labels kept at most; beyond it the oldest counts as unmatched (chosen: 10 MB)."""


class EarlyLabels:
    """A bounded queue of labels by the hash of their id, oldest first."""

    def __init__(self) -> None:
        self._labels: dict[int, tuple[float, float, float]] = {}
        self.added: list[tuple[int, float, float, float]] = []
        self.removed: list[int] = []

    def __len__(self) -> int:
        return len(self._labels)

    def __contains__(self, key: int) -> bool:
        return key in self._labels

    def add(self, key: int, now: float, time: float, label: float) -> None:
        """Keep the label of an id that is not kept yet; it came ``now``, its own time is ``time``."""
        self._labels[key] = (now, time, label)
        self.added.append((key, now, time, label))

    def take(self, hashes: HashArray) -> list[tuple[int, float, float]]:
        """Remove and return ``(place in hashes, time, label)`` for each hash that has a label here."""
        if not self._labels:
            return []
        taken = []
        for place, key in enumerate(hashes.tolist()):
            found = self._labels.pop(key, None)
            if found is not None:
                taken.append((place, *found[1:]))
                self.removed.append(key)
        return taken

    def expire(self, now: float) -> int:
        """Remove the labels that waited long enough or are too many; return how many."""
        count = 0
        while self._labels:
            key = next(iter(self._labels))
            if self._labels[key][0] > now - WAIT and len(self._labels) <= CAPACITY:
                break
            del self._labels[key]
            self.removed.append(key)
            count += 1
        return count

    def dump(self) -> tuple[HashArray, FloatArray]:
        """Return all hashes, (n,), and their arrivals, times and labels, (n, 3), oldest first."""
        return self._arrays([(key, *value) for key, value in self._labels.items()])

    def changes(self) -> tuple[HashArray, FloatArray, HashArray]:
        """Return what was added, as :meth:`dump` does, and the hashes removed, since the last call."""
        added, removed = self._arrays(self.added), np.array(self.removed, np.uint64)
        self.added, self.removed = [], []
        return (*added, removed)

    def restore(self, hashes: HashArray, values: FloatArray, removed: HashArray) -> None:
        """Repeat changes of an earlier run."""
        for key, (now, time, label) in zip(hashes.tolist(), values.tolist(), strict=True):
            self._labels[key] = (now, time, label)
        for key in removed.tolist():
            self._labels.pop(key, None)

    @staticmethod
    def _arrays(items: list[tuple[int, float, float, float]]) -> tuple[HashArray, FloatArray]:
        keys = np.array([item[0] for item in items], np.uint64)
        return keys, np.array([item[1:] for item in items], np.float64).reshape(len(items), 3)
