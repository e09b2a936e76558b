"""What a protocol is, and JSON as senders really write it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar
from typing import Protocol as TypingProtocol

import msgspec

from ml_exporter.core.errors import PayloadError
from ml_exporter.ingest.events import EventTypes, Label
from ml_exporter.ingest.reasons import MALFORMED

NotTyped = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
"""What the typed decoders raise for a body that needs the tolerant reading."""


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

    def items(self, body: bytes) -> Iterator[Any]:
        """Yield each item as plain objects, or the PayloadError that says why it cannot be read."""


def parse(text: bytes) -> Any:
    """Return the object that ``text`` stands for; PayloadError if it is not JSON.

    Beyond strict JSON it reads what writers in the wild produce: NaN, Infinity, numbers too large for a
    float, which become the infinities, and a byte order mark.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        strict = error
    except RecursionError:
        raise PayloadError(MALFORMED, "nested too deeply") from None
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError:
        raise PayloadError(MALFORMED, "nested too deeply") from None
    except (ValueError, UnicodeDecodeError):
        raise PayloadError(MALFORMED, str(strict)) from None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 300 else float(digits)
