"""Events as tables of pyarrow, and bodies made of them."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
from pyarrow import ipc, parquet

from ml_exporter.ingest.protocols import ArrowStream, Parquet
from ml_exporter.ingest.protocols.protocol import Protocol

ARROW, PARQUET = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"


def table_of(items: list[dict[str, Any]], *, encoded: bool = False) -> pa.Table:
    """Return events as a table with a column for every value of theirs, texts as dictionaries if ``encoded``."""
    columns: dict[str, Any] = {}
    for key in items[0]:
        if key in ("features", "scores", "segments", "attributions"):
            for name in items[0][key]:
                columns[f"{key}.{name}"] = pa.array([item[key][name] for item in items])
        else:
            columns[key] = pa.array([item[key] for item in items])
    if encoded:
        texts = [name for name, column in columns.items() if pa.types.is_string(column.type)]
        columns |= {name: columns[name].dictionary_encode() for name in texts}
    return pa.table(columns)


def stream(table: pa.Table, rows: int | None = None, **options: Any) -> bytes:
    """Return a table as an Arrow stream, in batches of ``rows``."""
    sink = io.BytesIO()
    with ipc.new_stream(sink, table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, rows)
    return sink.getvalue()


def file(table: pa.Table, **options: Any) -> bytes:
    """Return a table as a Parquet file."""
    sink = io.BytesIO()
    parquet.write_table(table, sink, **options)
    return sink.getvalue()


FORMS: dict[str, tuple[Protocol, Any]] = {"arrow": (ArrowStream(), stream), "parquet": (Parquet(), file)}
