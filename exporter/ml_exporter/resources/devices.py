"""A bound on the devices that become label values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.metrics import Rows

MOST: Final = 16
OTHER: Final = "other"


class Devices:
    """Gives the first so many devices that had any traffic a series each, and adds up the rest as ``other``."""

    def __init__(self) -> None:
        self._named: dict[str, None] = {}
        self._rows: dict[tuple[str, ...], Rows] = {}

    def series(self, counts: Mapping[str, tuple[float, ...]], kinds: tuple[str, ...]) -> tuple[Rows, FloatArray]:
        """Return the rows, device and kind, and their values; ``counts`` has a number of each kind."""
        for name, numbers in counts.items():
            if len(self._named) < MOST and any(numbers):
                self._named.setdefault(name)
        shown = {name: numbers for name, numbers in counts.items() if name in self._named}
        rest = [numbers for name, numbers in counts.items() if name not in self._named and any(numbers)]
        if rest:
            shown[OTHER] = tuple(map(sum, zip(*rest, strict=True)))
        names = tuple(shown)
        if names not in self._rows:
            if len(self._rows) > MOST:
                self._rows.clear()
            self._rows[names] = Rows(tuple((name, kind) for name in names for kind in kinds))
        return self._rows[names], np.array([number for numbers in shown.values() for number in numbers], float)
