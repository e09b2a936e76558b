"""Ids as they lie in Arrow's buffers, hashed without a text for each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, repeat
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_64_intdigest

from ml_exporter.core.arrays import BoolArray, HashArray
from ml_exporter.ingest.ids import Ids


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
    width: Final = np.dtype(np.int64 if pa.types.is_large_string(column.type) else np.int32)
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, width, len(column) + 1, column.offset * width.itemsize)
    # A null may have bytes behind it; they are passed over by what is told of it.
    first, text = int(bounds[0]), b"" if data is None else data[bounds[0] : bounds[-1]].to_pybytes()
    pieces = [text[start:end] for start, end in pairwise((bounds - first).tolist())]
    hashes = np.fromiter(map(xxh3_64_intdigest, pieces, repeat(seed)), np.uint64, len(pieces))
    identified: BoolArray = np.diff(bounds) > 0
    if column.null_count:
        identified = identified & pc.is_valid(column).to_numpy(zero_copy_only=False)
    return hashes, identified
