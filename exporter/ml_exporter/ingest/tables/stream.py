"""The batches of an Arrow stream."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
from pyarrow import ipc

from ml_exporter.core.errors import PayloadError
from ml_exporter.ingest.protocols.protocol import Bounds, Table
from ml_exporter.ingest.reasons import MALFORMED
from ml_exporter.ingest.tables.batches import (
    BatchTable,
    Rows,
    check_columns,
    check_events,
    check_size,
    flat_columns,
    flat_fields,
    without_views,
)
from ml_exporter.ingest.tables.sizes import claim_of

_MESSAGES: Final = 10_000
"""Batches and dictionaries at most (chosen: each costs as much as some hundred rows)."""


def read(body: bytes, bounds: Bounds) -> Table:
    """Return the table; PayloadError if the body is no stream, or holds more than it may."""
    data = pa.py_buffer(body)
    try:
        _check(data, bounds)
        options = ipc.IpcReadOptions(use_threads=False)
        with ipc.open_stream(data, options=options) as stream:
            names = [name for name, _ in flat_fields(stream.schema)]
            check_columns(len(names))
            batches = [_rows(batch, names, bounds) for batch in stream if batch.num_rows]
        return BatchTable(names, batches, stream.schema.metadata, bounds)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise PayloadError(MALFORMED, f"not a valid Arrow stream: {error}") from None


def _rows(batch: Any, names: list[str], bounds: Bounds) -> Rows:
    batch.validate(full=True)
    columns = without_views(flat_columns(batch), bounds)
    return Rows(batch.num_rows, dict(zip(names, columns, strict=True)))


def _check(data: Any, bounds: Bounds) -> None:
    """Refuse a stream whose messages claim more than ``bounds``."""
    rows = size = 0
    messages = ipc.MessageReader.open_stream(data)
    for _ in range(_MESSAGES):
        try:
            message = messages.read_next_message()
        except StopIteration:
            return
        claim = claim_of(message.metadata.to_pybytes(), message.body)
        rows, size = rows + claim.rows, size + claim.size
        check_events(rows, bounds)
        check_size(size, bounds)
    raise PayloadError(MALFORMED, f"a stream of more than {_MESSAGES} messages; send larger batches")
