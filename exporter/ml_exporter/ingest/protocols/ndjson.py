"""Newline-delimited JSON: an event a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from ml_exporter.core.errors import PayloadError
from ml_exporter.ingest.events import EventTypes, Label
from ml_exporter.ingest.protocols.protocol import Bounds, JsonText, parse

_LABELS = msgspec.json.Decoder(Label).decode_lines


class NdJson(JsonText):
    """``application/x-ndjson``; empty lines are passed over."""

    content_types: ClassVar[tuple[str, ...]] = ("application/x-ndjson", "application/ndjson", "application/jsonl")

    def predictions(self, body: bytes, types: EventTypes) -> Sequence[Any]:
        """Return the event of each line."""
        events: Sequence[Any] = types.decode_lines(body)
        return events

    def labels(self, body: bytes) -> Sequence[Label]:
        """Return the label of each line."""
        return _LABELS(body)

    def items(self, body: bytes, bounds: Bounds) -> Iterator[Any]:
        """Yield the object of each line, or the PayloadError of a line that is not JSON."""
        for line in body.split(b"\n"):
            if not line.strip():
                continue
            try:
                yield parse(line)
            except PayloadError as error:
                yield error
