"""A JSON object (one event, or columns of events) or a JSON array of events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from ml_exporter.ingest.events import EventTypes, Label
from ml_exporter.ingest.protocols.protocol import Bounds, JsonText, parse

_LABEL = msgspec.json.Decoder(Label).decode
_LABELS = msgspec.json.Decoder(list[Label]).decode


class JsonDocument(JsonText):
    """``application/json``: ``{…}``, ``{"columns": {…}}`` or ``[{…}, …]``."""

    content_types: ClassVar[tuple[str, ...]] = ("application/json",)

    def predictions(self, body: bytes, types: EventTypes) -> Sequence[Any]:
        """Return all events, or the one object that holds columns."""
        events: Sequence[Any] = types.decode_list(body) if _is_array(body) else [types.decode_body(body)]
        return events

    def labels(self, body: bytes) -> Sequence[Label]:
        """Return all labels; columns need the reading by items."""
        return _LABELS(body) if _is_array(body) else [_LABEL(body)]

    def items(self, body: bytes, bounds: Bounds) -> Iterator[Any]:
        """Yield the object, or each element of the array; PayloadError if the body is not JSON."""
        document = parse(body)
        if isinstance(document, list):
            yield from document
        else:
            yield document


def _is_array(body: bytes) -> bool:
    return body[:1] == b"[" or body.lstrip()[:1] == b"["
