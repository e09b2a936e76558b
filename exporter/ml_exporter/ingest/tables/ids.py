"""Ids as they lie in Arrow's buffers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ml_exporter.core.arrays import BoolArray, HashArray
from ml_exporter.ingest.ids import Ids, hashed


class ArrowIds(Ids):
    """The ids of some events: a column of integers or text, or a dictionary of them."""

    def __init__(self, column: Any) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def at(self, rows: Sequence[int]) -> list[str | int | None]:
        """Return the ids of some rows."""
        ids: list[str | int | None] = self._column.take(pa.array(rows, pa.int64())).to_pylist()
        return ids

    def hashes(self, seed: int) -> tuple[HashArray, BoolArray]:
        """Return the 64-bit hash of each id, and which are there: what ``hash_ids`` gives for the same ids."""
        column = self._column
        if not pa.types.is_dictionary(column.type):
            return _hashes(column, seed)
        places = places_of(column)
        used, inverse = np.unique(places, return_inverse=True)
        hashes, identified = _hashes(column.dictionary.take(pa.array(used, mask=used < 0)), seed)
        return hashes[inverse], identified[inverse]


def are_ids(kind: Any) -> bool:
    """Return whether a column of this type can hold ids: integers or text."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind))


def places_of(column: Any) -> Any:
    """Return the place in its dictionary of each value of a column, -1 for a null; (rows,) of integers."""
    places = column.indices
    if places.null_count:
        places = places.cast(pa.int64()).fill_null(-1)
    return places.to_numpy()


def _hashes(column: Any, seed: int) -> tuple[HashArray, BoolArray]:
    if pa.types.is_integer(column.type):
        column = column.cast(pa.string())
    is_large = pa.types.is_large_string(column.type)
    encoded = column.view(pa.large_binary() if is_large else pa.binary()).to_pylist()
    identified = np.ones(len(encoded), bool)
    if not all(encoded):
        identified[:] = [bool(item) for item in encoded]
        encoded = [item or b"" for item in encoded]
    return hashed(encoded, seed), identified
