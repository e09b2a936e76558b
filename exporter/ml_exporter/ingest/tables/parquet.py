"""The columns of a Parquet file that events have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
from pyarrow import parquet

from ml_exporter.core.errors import PayloadError
from ml_exporter.ingest.events import EventTypes
from ml_exporter.ingest.protocols.protocol import Bounds, Table
from ml_exporter.ingest.reasons import INVALID, MALFORMED, TOO_LARGE
from ml_exporter.ingest.receipt import Receipt
from ml_exporter.ingest.tables.batches import (
    BatchTable,
    Rows,
    check_cells,
    check_columns,
    check_events,
    check_label_columns,
    check_size,
    flat_columns,
    flat_fields,
    without_views,
)
from ml_exporter.ingest.tables.pages import DATA, DATA_2, DICTIONARY, Chunk, Page, read_footer, read_page
from ml_exporter.ingest.tables.values import is_text

_ROW_GROUPS: Final = 1_000
"""Row groups at most (chosen: each costs as much as some hundred rows)."""

_FOOTER_BYTES: Final = 4 << 20
"""Largest footer (chosen: it is read in Python, some hundred bytes for each column of each row group)."""

_DELTA_BYTE_ARRAY: Final = 7
_LARGEST_FIXED: Final = 32
"""Bytes of the largest number of fixed length, a decimal."""

_Unreadable = (pa.ArrowException, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError)


def read(body: bytes, bounds: Bounds) -> Table:
    """Return the table; PayloadError if the body is no Parquet, or holds more than it may."""
    try:
        return ParquetTable(body, bounds)
    except _Unreadable as error:
        raise PayloadError(MALFORMED, f"not a valid Parquet file: {error}") from None


class ParquetTable(Table):
    """A file whose footer was read; its columns are read when it is known which of them events have."""

    def __init__(self, body: bytes, bounds: Bounds) -> None:
        self._body, self._bounds = body, bounds
        options: Any = {"pre_buffer": False, "arrow_extensions_enabled": False}
        limits: Any = {"thrift_string_size_limit": len(body), "thrift_container_size_limit": len(body)}
        self._open: Any = lambda **more: parquet.ParquetFile(pa.BufferReader(body), **options, **limits, **more)
        self._groups = read_footer(body, _FOOTER_BYTES)
        if len(self._groups) > _ROW_GROUPS:
            raise PayloadError(TOO_LARGE, f"a file must not have more than {_ROW_GROUPS} row groups")
        self._rows = sum(group.rows for group in self._groups)
        check_events(self._rows, bounds)
        file = self._open()
        schema = file.metadata.schema
        check_columns(file.metadata.num_columns)
        self._schema = file.schema_arrow
        self._names = [name for name, _ in flat_fields(self._schema)]
        self._kinds = dict(flat_fields(self._schema))
        leaves = [schema.column(number) for number in range(file.metadata.num_columns)]
        self._leaves = {leaf.path: (number, leaf) for number, leaf in enumerate(leaves)}

    def get(self, name: str, default: Any = None) -> Any:
        """Return what the metadata of the file say."""
        return self._with([]).get(name, default)

    def columns(self, model: str, types: EventTypes, receipt: Receipt) -> Iterator[tuple[Any, int, int]]:
        """Yield the events."""
        known = {f"features.{variable.name}" for variable in types.features} | types.column_types.keys()
        known |= {f"segments.{name}" for name in types.sent}
        open_ended = ("scores.", "attributions.")
        wanted = [name for name in self._names if name in known or name.startswith(open_ended)]
        yield from self._with(self._read(wanted)).columns(model, types, receipt)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows."""
        check_label_columns(self._names)
        yield from self._with(self._read(self._names)).rows()

    def _with(self, batches: Sequence[Rows]) -> BatchTable:
        return BatchTable(self._names, batches, self._schema.metadata, self._bounds)

    def _read(self, wanted: Sequence[str]) -> list[Rows]:
        """Return the wanted columns; one that repeats or is of no kind that events have is told of as a list."""
        check_cells(self._rows, len(wanted), self._bounds)
        try:
            read = [name for name in wanted if self._is_plain(name)]
            self._check_pages(read)
            texts = [name for name in read if self._leaves[name][1].physical_type == "BYTE_ARRAY"]
            # A text that repeats must not be written out each time.
            file = self._open(read_dictionary=texts)
            kinds = dict(flat_fields(file.schema_arrow))
            if not all(pa.types.is_dictionary(kinds[name]) for name in texts):
                raise PayloadError(MALFORMED, "not a Parquet file whose texts can be read as a dictionary")
            options: Any = {"columns": read, "use_threads": False}
            rows = [
                self._rows_of(batch, wanted)
                # A batch of several row groups cannot hold the texts of a struct.
                for group in range(len(self._groups) if read else 0)
                for batch in file.iter_batches(max(self._rows, 1), [group], **options)
                if batch.num_rows
            ]
            return (
                rows if read or not self._rows else [Rows(self._rows, dict.fromkeys(wanted, _lists(self._rows)))]
            )
        except _Unreadable as error:
            raise PayloadError(MALFORMED, f"not a valid Parquet file: {error}") from None

    def _rows_of(self, batch: Any, wanted: Sequence[str]) -> Rows:
        batch.validate(full=True)
        names = [name for name, _ in flat_fields(batch.schema)]
        read = dict(zip(names, without_views(flat_columns(batch), self._bounds), strict=True))
        lists = _lists(batch.num_rows)
        return Rows(batch.num_rows, {name: read.get(name, lists) for name in wanted})

    def _is_plain(self, name: str) -> bool:
        """Return whether a column has one value a row, of a kind that takes little more room than in the file."""
        if name not in self._leaves:
            return False
        leaf, kind = self._leaves[name][1], self._kinds[name]
        if leaf.max_repetition_level:
            return False
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if leaf.physical_type == "BYTE_ARRAY":
            return is_text(kind) or bool(pa.types.is_string_view(kind))
        return bool(leaf.physical_type != "FIXED_LEN_BYTE_ARRAY" or leaf.length <= _LARGEST_FIXED)

    def _check_pages(self, names: Sequence[str]) -> None:
        """Refuse pages that hold more than they may, or that are written in a way which hides how much it is."""
        size = 0
        for group in self._groups:
            for name in names:
                for page in _pages(self._body, group.columns[self._leaves[name][0]]):
                    size += page.decompressed
                    check_size(size, self._bounds)
                    if page.encoding == _DELTA_BYTE_ARRAY:
                        raise PayloadError(
                            INVALID,
                            f"column {name}: must not be encoded as DELTA_BYTE_ARRAY; PLAIN and dictionaries are",
                        )


def _lists(rows: int) -> Any:
    return pa.repeat(pa.scalar([], pa.list_(pa.null())), rows)


def _pages(body: bytes, chunk: Chunk) -> Iterator[Page]:
    """Yield the pages of a column in the order and number in which the reader will take them."""
    place, seen = chunk.begin, 0
    while seen < chunk.values:
        page = read_page(body, place)
        if page.kind == DICTIONARY and page.values > 8 * page.decompressed:
            raise ValueError("a dictionary of more values than its bytes can hold")
        if page.kind in (DATA, DATA_2):
            seen += page.values
        place = page.end
        yield page
