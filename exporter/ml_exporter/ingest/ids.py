"""Ids in whatever form they come, and the hashes that stand for them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import numpy as np
from xxhash import xxh3_64_digest

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


def hashed(ids: Sequence[bytes], seed: int) -> HashArray:
    """Return the 64-bit hash of each id, (ids,): xxh3 with a seed of the state directory's own.

    Ids are not kept in the clear.
    """
    # One text of all digests is read faster than as many integers.
    return np.frombuffer(b"".join(map(xxh3_64_digest, ids, repeat(seed))), ">u8").astype(np.uint64)
