"""A stream of Arrow's inter-process communication."""

from __future__ import annotations

from typing import ClassVar

from ml_exporter.ingest.protocols.protocol import Bounds, Table
from ml_exporter.ingest.protocols.tabular import Tabular


class ArrowStream(Tabular):
    """``application/vnd.apache.arrow.stream``: a schema, dictionaries, and batches of rows."""

    content_types: ClassVar[tuple[str, ...]] = ("application/vnd.apache.arrow.stream",)

    def table(self, body: bytes, bounds: Bounds) -> Table:
        """Return the batches of the stream."""
        from ml_exporter.ingest.tables.stream import read

        return read(body, bounds)
