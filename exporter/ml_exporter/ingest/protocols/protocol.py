"""What a protocol is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from typing import Protocol as TypingProtocol

import msgspec

from ml_exporter.core.errors import PayloadError
from ml_exporter.core.loose_json import loads
from ml_exporter.ingest.events import EventTypes, Label
from ml_exporter.ingest.reasons import MALFORMED
from ml_exporter.ingest.receipt import Receipt

_QUICK_BYTES: Final = 16 * 1024
"""Text up to which reading item by item does not hold up the others (chosen: a few milliseconds)."""


class NoTypedReading(Exception):  # noqa: N818  not an error: the other reading is the only one
    """The protocol has no typed reading."""


NotTyped = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, NoTypedReading)
"""What the typed decoders raise for a body that needs the tolerant reading."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a body may hold once it is decoded: bytes, and events.

    One that is ``hurried`` is read at once or, with :class:`NoTypedReading`, left for later.
    """

    size: int = 16 << 20
    events: int = 50_000
    hurried: bool = False


class Table:
    """Events in typed columns, as an item of a body."""

    def get(self, name: str, default: Any = None) -> Any:
        """Return the ``model`` or the ``version`` of all events."""
        raise NotImplementedError

    def columns(self, model: str, types: EventTypes, receipt: Receipt) -> Iterator[tuple[Any, int, int]]:
        """Yield the events as ``types.Columns`` with their number and size in bytes, some at a time."""
        raise NotImplementedError

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows as objects without their nulls: labels, of which a body holds few columns."""
        raise NotImplementedError


class Protocol(TypingProtocol):
    """How the events of a body are written.

    The typed readings are fast and all or nothing; any of :data:`NotTyped` means that the body must be
    read item by item, which tells what is wrong with which.
    """

    content_types: ClassVar[tuple[str, ...]]

    def predictions(self, body: bytes, types: EventTypes) -> Sequence[Any]:
        """Return all events as ``types.Event``, or a single ``types.Body`` with ``columns`` set."""

    def labels(self, body: bytes) -> Sequence[Label]:
        """Return all labels."""

    def items(self, body: bytes, bounds: Bounds) -> Iterator[Any]:
        """Yield each item as plain objects or a :class:`Table`, or the PayloadError why it cannot be read."""

    def quick(self, body: bytes) -> bool:
        """Return whether reading item by item takes a few milliseconds at most, whatever the body holds."""

    def objects(self, body: bytes) -> int:
        """Return how many objects the body holds at most, counted without reading it."""


class JsonText:
    """What both ways to write JSON have in common."""

    def quick(self, body: bytes) -> bool:
        """Return whether the body is short."""
        return len(body) <= _QUICK_BYTES

    def objects(self, body: bytes) -> int:
        """Return the number of opening braces."""
        return body.count(b"{")


def parse(text: bytes) -> Any:
    """Return the object that ``text`` stands for, as :func:`loads` reads it; PayloadError if it is not JSON."""
    try:
        return loads(text)
    except ValueError as error:
        raise PayloadError(MALFORMED, str(error)) from None
