"""The content of a request body: decompressed, never beyond the limit."""

from __future__ import annotations

from typing import Final, cast

from isal import igzip_lib, isal_zlib

from ml_exporter.core.errors import PayloadError
from ml_exporter.ingest.reasons import MALFORMED, TOO_LARGE, UNSUPPORTED

_BAD_GZIP: Final = cast(type[Exception], igzip_lib.IsalError)
_GZIP_MAGIC: Final = b"\x1f\x8b"


def content_of(body: bytes, encoding: str, limit: int) -> bytes:
    """Return the body as it was before its Content-Encoding; PayloadError if that cannot be.

    ``gzip`` is understood, several members one after the other too, and recognised by its first bytes even
    where the header is missing, as some loggers leave it out.
    """
    encoding = encoding.strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise PayloadError(UNSUPPORTED, f'Content-Encoding "{encoding}" is not understood; use gzip or none')
    if encoding in ("", "identity") and body[:2] != _GZIP_MAGIC:
        return body
    parts: list[bytes] = []
    room = limit + 1
    while body:
        stream = isal_zlib.decompressobj(31)
        try:
            part = stream.decompress(body, room)
        except _BAD_GZIP as error:
            raise PayloadError(MALFORMED, f"not valid gzip: {error}") from None
        parts.append(part)
        room -= len(part)
        if room <= 0:
            raise PayloadError(TOO_LARGE, f"the decompressed body must not exceed {limit} bytes")
        if not stream.eof:
            raise PayloadError(MALFORMED, "not valid gzip: the stream is cut")
        body = stream.unused_data
    return b"".join(parts)
