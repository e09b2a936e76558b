"""Names that stand for values which must not be shown."""

from __future__ import annotations

import hashlib
import hmac
from types import TracebackType


def masked(value: str, key: bytes) -> str:
    """Return the name of a sensitive category: 16 hexadecimal digits of its HMAC-SHA256 under ``key``.

    Without the key the value cannot be found by trying the likely ones.

    >>> masked("Lisbon", b"key") == masked("Lisbon", b"key"), masked("Lisbon", b"key") == masked("Lisbon", b"k2")
    (True, False)
    """
    return hmac.new(key, value.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:16]


def without_message(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """Return what ``logging`` takes as ``exc_info``: where an error came from, without its words.

    The words of an error that nobody foresaw may hold the value that caused it.
    """
    return (
        type(error),
        RuntimeError("its message is left out: it may hold a value of an event"),
        error.__traceback__,
    )
