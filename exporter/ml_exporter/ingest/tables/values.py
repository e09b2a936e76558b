"""The values of an Arrow column: as numbers, as codes, or as JSON would have spelled them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_exporter.core.arrays import MISSING, CodeArray, FloatArray
from ml_exporter.ingest.events import Codes
from ml_exporter.ingest.tables.ids import places_of

_PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FEW: Final = 256
"""Entries of a dictionary up to which looking up each is faster than Arrow's search (chosen)."""

_LISTS: Final = (
    *(pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list),
    *(pa.types.is_list_view, pa.types.is_large_list_view),
)
_OBJECTS: Final = (pa.types.is_struct, pa.types.is_map, pa.types.is_union)


def is_text(kind: Any) -> bool:
    """Return whether a type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_number(kind: Any) -> bool:
    """Return whether a type holds numbers, or nothing but nulls."""
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind))


def floats(column: Any) -> FloatArray | None:
    """Return the numbers of a column, NaN for null; None if they are no numbers.

    Without copying where it holds 64-bit floats, all of them numbers.
    """
    kind = column.type
    if pa.types.is_dictionary(kind) and is_number(kind.value_type):
        column = column.dictionary_decode()
        kind = column.type
    if not pa.types.is_float64(kind):
        if not is_number(kind):
            return None
        if pa.types.is_null(kind):
            return np.full(len(column), np.nan)
        if column.null_count or pa.types.is_decimal(kind):
            column = column.cast(pa.float64(), safe=False)
    values: FloatArray = column.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return values


def lengths(column: Any) -> FloatArray | None:
    """Return the number of characters of each text of a column, NaN for null and empty; None if it is no text."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        of_entry = lengths(column.dictionary)
        return None if of_entry is None else np.append(of_entry, np.nan)[places_of(column)]
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if not is_text(kind):
        return None
    counts = floats(pc.utf8_length(column))
    return None if counts is None else np.where(counts > 0, counts, np.nan)


def marked(values: list[FloatArray]) -> FloatArray:
    """Return columns of numbers as the rows of one array, (columns, rows), MISSING in place of NaN.

    A NaN may come with the bits of one of the other marks, which are ours to set.
    """
    marked = np.array(values)
    np.copyto(marked, MISSING, where=np.isnan(marked))
    return marked


def seconds(column: Any) -> FloatArray | None:
    """Return seconds since 1970, NaN for null, of a column of timestamps with a zone; None if it is none."""
    if not pa.types.is_timestamp(column.type) or column.type.tz is None:
        return None
    ticks = column.cast(pa.int64()).fill_null(0).to_numpy()
    per_second = _PER_SECOND[column.type.unit]
    if per_second > 10**6:  # more digits than a float has
        ticks, per_second = ticks // 1_000, 10**6
    values: FloatArray = ticks / per_second
    if column.null_count:
        values[pc.is_null(column).to_numpy(zero_copy_only=False)] = np.nan
    return values


def codes(column: Any, known: Codes, names: tuple[str, ...]) -> CodeArray | None:
    """Return what ``known`` has for each text of a column, and for null; None if it is no text.

    ``names`` are the texts with a code of their own, in the order of the codes.
    """
    if not pa.types.is_dictionary(column.type):
        return _found(column, known, names) if is_text(column.type) else None
    entries = column.dictionary
    if not is_text(entries.type):
        return None
    if len(entries) <= _FEW:
        of_entry = np.fromiter(map(known.__getitem__, entries.to_pylist()), np.int32, len(entries))
    else:
        of_entry = _found(entries, known, names)
    coded: CodeArray = np.append(of_entry, np.int32(known[None]))[places_of(column)]
    return coded


def _found(texts: Any, known: Codes, names: tuple[str, ...]) -> CodeArray:
    places = pc.index_in(texts, value_set=_texts(names, texts.type))
    found: CodeArray = places.fill_null(len(names)).to_numpy()
    if texts.null_count:
        found = np.where(pc.is_null(texts).to_numpy(zero_copy_only=False), np.int32(known[None]), found)
    return found


@lru_cache(256)
def _texts(names: tuple[str, ...], kind: Any) -> Any:
    # What is no Unicode cannot come in a column.
    return pa.array([name.encode(errors="replace").decode() for name in names], kind)


def codes_by(column: Any, code_of: Callable[[Any], int]) -> CodeArray | None:
    """Return the code of each value, asked for once for each different one; None if values are no scalars."""
    kind = column.type
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (is_text(value) or is_number(value) or pa.types.is_boolean(value)):
        return None
    if not pa.types.is_dictionary(kind):
        # Not every pyarrow makes dictionaries of half floats.
        column = (column.cast(pa.float32()) if pa.types.is_float16(kind) else column).dictionary_encode()
        if not pa.types.is_dictionary(column.type):
            return np.full(len(column), code_of(None), np.int32)
    used, inverse = np.unique(places_of(column), return_inverse=True)
    of_used = [code_of(item) for item in plain(column.dictionary.take(pa.array(used, mask=used < 0)))]
    return np.array(of_used, np.int32)[inverse]


def plain(column: Any) -> list[Any]:
    """Return the values of a column as JSON would have spelled them.

    What JSON could not spell as a scalar is stood for by something of its kind: reading a nested value out
    could take any amount of memory, and only its kind is told of.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        used, inverse = np.unique(places_of(column), return_inverse=True)
        values = plain(column.dictionary.take(pa.array(used, mask=used < 0)))
        return [values[place] for place in inverse.tolist()]
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    if is_text(kind) or is_number(kind) or pa.types.is_boolean(kind):
        listed: list[Any] = column.to_pylist()
        return listed
    stand_in = _stand_in(kind)
    if pa.types.is_union(kind) or pa.types.is_run_end_encoded(kind):
        return [stand_in] * len(column)
    return [stand_in if valid else None for valid in pc.is_valid(column).to_pylist()]


def _stand_in(kind: Any) -> Any:
    if any(is_kind(kind) for is_kind in _LISTS):
        return []
    if any(is_kind(kind) for is_kind in _OBJECTS):
        return {}
    return datetime(1970, 1, 1) if pa.types.is_timestamp(kind) else b""
