"""Names that stand for values which must not be shown."""

from __future__ import annotations

import hashlib
import hmac


def masked(value: str, key: bytes) -> str:
    """Return the name of a sensitive category: 16 hexadecimal digits of its HMAC-SHA256 under ``key``.

    Without the key the value cannot be found by trying the likely ones.

    >>> masked("Lisbon", b"key") == masked("Lisbon", b"key"), masked("Lisbon", b"key") == masked("Lisbon", b"k2")
    (True, False)
    """
    return hmac.new(key, value.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:16]
