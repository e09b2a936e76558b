"""The content of a request body: decompressed, never beyond the limit."""

from __future__ import annotations

from typing import Final, cast

from isal import igzip_lib, isal_zlib

from ml_exporter.core.errors import PayloadError
from ml_exporter.ingest.reasons import MALFORMED, TOO_LARGE, UNSUPPORTED

_BAD_GZIP: Final = cast(type[Exception], igzip_lib.IsalError)
_GZIP_MAGIC: Final = b"\x1f\x8b"
_MEMBERS: Final = 100


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
    for _ in range(_MEMBERS):
        stream = isal_zlib.decompressobj(31)
        try:
            parts.append(stream.decompress(body, limit + 1 - sum(map(len, parts))))
        except _BAD_GZIP as error:
            raise PayloadError(MALFORMED, f"not valid gzip: {error}") from None
        if sum(map(len, parts)) > limit:
            raise PayloadError(TOO_LARGE, f"the decompressed body must not exceed {limit} bytes")
        if not stream.eof:
            raise PayloadError(MALFORMED, "not valid gzip: the stream is cut")
        body = stream.unused_data
        if not body:
            return b"".join(parts)
    raise PayloadError(MALFORMED, f"gzip of more than {_MEMBERS} members; compress the body as a whole")
