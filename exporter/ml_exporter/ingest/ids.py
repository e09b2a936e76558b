"""Ids that are hashed where they lie."""

from __future__ import annotations

from collections.abc import Sequence

from ml_exporter.core.arrays import BoolArray, HashArray


class Ids:
    """The ids of some events, in another form than a list of them."""

    def __len__(self) -> int:
        """Return the number of events."""
        raise NotImplementedError

    def at(self, rows: Sequence[int]) -> list[str | int | None]:
        """Return the ids of some rows."""
        raise NotImplementedError

    def hashes(self, seed: int) -> tuple[HashArray, BoolArray]:
        """Return what ``hash_ids`` gives for the same ids in a list."""
        raise NotImplementedError
