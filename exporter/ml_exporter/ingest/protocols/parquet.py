"""A Parquet file."""

from __future__ import annotations

from typing import ClassVar

from ml_exporter.ingest.protocols.protocol import Bounds, Table
from ml_exporter.ingest.protocols.tabular import Tabular


class Parquet(Tabular):
    """``application/vnd.apache.parquet``: the bytes of one file."""

    content_types: ClassVar[tuple[str, ...]] = ("application/vnd.apache.parquet",)

    def table(self, body: bytes, bounds: Bounds) -> Table:
        """Return the columns of the file that events have."""
        from ml_exporter.ingest.tables.parquet import read

        return read(body, bounds)

    def prompt(self, body: bytes) -> bool:
        """Return that it is never read in a moment: pages are decompressed and decoded."""
        return False
