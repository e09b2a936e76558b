"""A table whose batches of rows are in memory, and what bounds any table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ml_exporter.core.errors import PayloadError
from ml_exporter.ingest.events import EventTypes
from ml_exporter.ingest.protocols.protocol import Bounds, NoTypedReading, Table
from ml_exporter.ingest.reasons import INVALID, MALFORMED, TOO_LARGE
from ml_exporter.ingest.receipt import Receipt
from ml_exporter.ingest.tables.reader import TableReader
from ml_exporter.ingest.tables.values import plain, seconds

_COLUMNS: Final = 10_000
"""Columns of a table at most (chosen: some hundred bytes of memory each)."""

_STRUCTS: Final = ("features", "scores", "segments", "attributions")
"""Columns that may be a struct of columns; each of those is then named as if it stood for itself."""

_HURRIED_BYTES: Final = 4 << 20
_HURRIED_CELLS: Final = 1 << 20
"""Bytes and values of a table up to which it is read at once (chosen: a few milliseconds)."""

_CELL: Final = 8
"""Bytes that a value takes once it is read, at most: a number or a reference."""

_LABEL_FIELDS: Final = ("id", "label", "timestamp")


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a table: their number, and columns by name."""

    count: int
    columns: dict[str, Any]


class BatchTable(Table):
    """Rows in memory, batch by batch; ``names`` are all columns, batches need only hold the known ones."""

    def __init__(
        self, names: list[str], batches: Sequence[Rows], metadata: Mapping[bytes, bytes] | None, bounds: Bounds
    ) -> None:
        self._names = names
        self._batches = batches
        self._metadata = metadata or {}
        self._bounds = bounds

    def get(self, name: str, default: Any = None) -> Any:
        """Return what the metadata of the schema say."""
        told = self._metadata.get(name.encode())
        return default if told is None else told.decode("utf-8", "replace")

    def columns(self, model: str, types: EventTypes, receipt: Receipt) -> Iterator[tuple[Any, int, int]]:
        """Yield the events of each batch."""
        reader = TableReader(model, types, receipt, self._bounds.hurried)
        known = reader.known(self._names)
        if not known:
            return
        check_cells(sum(batch.count for batch in self._batches), len(known), self._bounds)
        start = 0
        for batch in self._batches:
            columns = reader.batch({name: batch.columns[name] for name in known}, start)
            yield columns, batch.count, _CELL * batch.count * len(known)
            start += batch.count

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows; PayloadError if there are columns that labels do not have."""
        check_label_columns(self._names)
        for batch in self._batches:
            listed = [_label_values(name, column) for name, column in batch.columns.items()]
            for values in zip(*listed, strict=True):
                row = zip(batch.columns, values, strict=True)
                yield {name: value for name, value in row if value is not None}


def check_label_columns(names: Sequence[str]) -> None:
    """Refuse columns that labels do not have, and such as occur twice."""
    wrong = [name for place, name in enumerate(names) if name not in _LABEL_FIELDS or name in names[:place]]
    if wrong:
        allowed = ", ".join(_LABEL_FIELDS)
        raise PayloadError(INVALID, f"column {wrong[0]}: labels have the columns {allowed}, each once")


def _label_values(name: str, column: Any) -> list[Any]:
    times = seconds(column) if name == "timestamp" else None
    if times is None:
        return plain(column)
    return [None if time != time else time for time in times.tolist()]


def flat_fields(schema: Any) -> list[tuple[str, Any]]:
    """Return name and type of each column, structs of features, scores, segments and attributions taken apart."""
    fields: list[tuple[str, Any]] = []
    for name, kind in zip(schema.names, schema.types, strict=True):
        if name in _STRUCTS and pa.types.is_struct(kind):
            fields += [(f"{name}.{inner.name}", inner.type) for inner in kind]
        else:
            fields.append((name, kind))
    return fields


def flat_columns(batch: Any) -> list[Any]:
    """Return the columns of a batch in the order of :func:`flat_fields`; a null struct is one of nulls."""
    columns: list[Any] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        taken_apart = name in _STRUCTS and pa.types.is_struct(column.type)
        columns += column.flatten() if taken_apart else [column]
    return [column.storage if isinstance(column.type, pa.BaseExtensionType) else column for column in columns]


def without_views(columns: list[Any], bounds: Bounds) -> list[Any]:
    """Return the columns with each text in one piece: views, many of which may show one, may grow by that."""
    views = [column for column in map(_texts_of, columns) if pa.types.is_string_view(column.type)]
    if not views:
        return columns
    check_size(sum(map(_seen, views)), bounds)
    return [column.cast(_without_views(column.type)) for column in columns]


def _texts_of(column: Any) -> Any:
    return column.dictionary if pa.types.is_dictionary(column.type) else column


def _without_views(kind: Any) -> Any:
    if pa.types.is_dictionary(kind):
        return pa.dictionary(kind.index_type, _without_views(kind.value_type))
    return pa.string() if pa.types.is_string_view(kind) else kind


def _seen(column: Any) -> int:
    """Return the length of all texts of a column of views: the first of the four integers of each view."""
    views = np.frombuffer(column.buffers()[1], np.int32).reshape(-1, 4)
    return int(views[column.offset : column.offset + len(column), 0].sum(dtype=np.int64))


def check_columns(count: int) -> None:
    """Refuse a table of very many columns."""
    if count > _COLUMNS:
        raise PayloadError(TOO_LARGE, f"a table must not have more than {_COLUMNS} columns, got {count}")


def check_events(rows: int, bounds: Bounds) -> None:
    """Refuse more rows than the queue has room for, or a negative number of them."""
    if rows < 0:
        raise PayloadError(MALFORMED, f"a batch of {rows} rows")
    if rows > bounds.events:
        raise PayloadError(TOO_LARGE, f"a body must not hold more than {bounds.events} events, got {rows}")


def check_size(size: int, bounds: Bounds) -> None:
    """Refuse what would take more bytes once it is decompressed than a body may."""
    if bounds.hurried and size > _HURRIED_BYTES:
        raise NoTypedReading
    if size > bounds.size:
        raise PayloadError(TOO_LARGE, f"the decompressed columns must not exceed {bounds.size} bytes")


def check_cells(rows: int, columns: int, bounds: Bounds) -> None:
    """Refuse more values than bytes: types that take less than a byte a value become arrays of numbers, too."""
    if bounds.hurried and rows * columns > _HURRIED_CELLS:
        raise NoTypedReading
    if rows * columns > bounds.size:
        raise PayloadError(
            TOO_LARGE, f"a body must not hold more than {bounds.size} values, got {rows} rows of {columns}"
        )
