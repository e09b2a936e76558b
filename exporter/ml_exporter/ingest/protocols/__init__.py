"""Ways in which events are written in a body: one file each, listed in :data:`PROTOCOLS`.

Adding one: a file with a class like those beside it, its name in the tuple, its test in
``tests/ingest/protocols``.
"""

from ml_exporter.ingest.protocols.arrow_stream import ArrowStream
from ml_exporter.ingest.protocols.json_document import JsonDocument
from ml_exporter.ingest.protocols.ndjson import NdJson
from ml_exporter.ingest.protocols.parquet import Parquet
from ml_exporter.ingest.protocols.protocol import Protocol

PROTOCOLS: tuple[Protocol, ...] = (JsonDocument(), NdJson(), ArrowStream(), Parquet())
