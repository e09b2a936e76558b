"""What the messages of an Arrow stream claim to hold, read before anything is allocated for it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ml_exporter.core.errors import PayloadError
from ml_exporter.ingest.reasons import MALFORMED

_DICTIONARY, _ROWS = 2, 3
_BUFFER: Final = 16
"""Bytes of what a message says of a buffer: its place and its length."""

_OWN_LENGTH: Final = 8
"""Bytes before each compressed buffer: its length once it is decompressed, -1 if it is not compressed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Rows and bytes of one message; dictionaries count no rows."""

    rows: int
    size: int


class _Fields:
    """A table of FlatBuffers: where each of its fields lies in the message."""

    def __init__(self, data: Any, place: int) -> None:
        self.data, self.place = data, place
        self._directory = place - _number("<i", data, place)
        self._end = _number("<H", data, self._directory)

    def number(self, field: int, form: str) -> int:
        """Return a number, 0 if it is not there."""
        place = self._find(field)
        return _number(form, self.data, place) if place else 0

    def table(self, field: int) -> _Fields | None:
        """Return a table within, None if it is not there."""
        place = self._find(field)
        return _Fields(self.data, place + _number("<I", self.data, place)) if place else None

    def pairs(self, field: int) -> tuple[int, ...]:
        """Return a vector of structs of two 64-bit integers, one after the other."""
        place = self._find(field)
        if not place:
            return ()
        start = place + _number("<I", self.data, place)
        count = _number("<I", self.data, start)
        if _BUFFER * count > len(self.data):
            raise ValueError("a vector beyond the message")
        return struct.unpack_from(f"<{2 * count}q", self.data, start + 4)

    def _find(self, field: int) -> int:
        entry = 4 + 2 * field
        if entry >= self._end:
            return 0
        offset = _number("<H", self.data, self._directory + entry)
        return self.place + offset if offset else 0


def claim_of(metadata: bytes, body: Any) -> Claim:
    """Return what a message of an Arrow stream claims; PayloadError if it cannot be read.

    ``metadata`` and ``body`` are its two parts, the second as a buffer. Buffers count as often as they are
    named, so that many columns over the same bytes are what they are once they are copied.
    """
    try:
        message = _Fields(metadata, _number("<I", metadata, 0))
        kind, header = message.number(1, "<B"), message.table(2)
        if header is None or kind not in (_DICTIONARY, _ROWS):
            return Claim(0, 0)
        if kind == _DICTIONARY and header.number(2, "<B"):
            raise PayloadError(MALFORMED, "dictionaries in parts (deltas) are not understood; send whole ones")
        rows = header.table(1) if kind == _DICTIONARY else header
        if rows is None:
            return Claim(0, 0)
        buffers = rows.pairs(2)
        lengths: Sequence[int] = buffers[1::2]
        if rows.table(3) is not None:
            lengths = [_decompressed(body, *buffer) for buffer in zip(buffers[::2], lengths, strict=True)]
        return Claim(rows.number(0, "<q") if kind == _ROWS else 0, _total(lengths))
    except (struct.error, ValueError) as error:
        raise PayloadError(MALFORMED, f"not a valid Arrow stream: {error}") from None


def _total(lengths: Sequence[int]) -> int:
    if min(lengths, default=0) < 0:
        raise ValueError("a buffer of negative length")
    return sum(lengths)


def _decompressed(body: Any, offset: int, length: int) -> int:
    if not length:
        return 0
    claimed = _number("<q", body, offset)
    return length - _OWN_LENGTH if claimed == -1 else claimed


def _number(form: str, data: Any, place: int) -> int:
    if place < 0:
        raise ValueError("a place before the message")
    number: int = struct.unpack_from(form, data, place)[0]
    return number
