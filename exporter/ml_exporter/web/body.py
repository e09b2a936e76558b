"""The content of a request body: decompressed, never beyond the limit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final, cast

from isal import igzip_lib, isal_zlib

from ml_exporter.core.errors import PayloadError
from ml_exporter.ingest.reasons import MALFORMED, TOO_LARGE, UNSUPPORTED

ENCODINGS: Final = ("gzip", "zstd")
"""Content encodings that are understood."""

_BAD_GZIP: Final = cast(type[Exception], igzip_lib.IsalError)
_GZIP_MAGIC: Final = b"\x1f\x8b"
_MEMBERS: Final = 100
_WINDOW_LOG: Final = 23
"""Largest window of zstd, as a power of 2: 8 MiB, what RFC 9659 allows in a content encoding."""


def content_of(body: bytes, encoding: str, limit: int) -> bytes:
    """Return the body as it was before its Content-Encoding; PayloadError if that cannot be.

    Several members of ``gzip`` or frames of ``zstd`` one after the other are understood, and gzip is recognised by
    its first bytes even where the header is missing, as some loggers leave it out.
    """
    encoding = encoding.strip().lower()
    if encoding == "zstd":
        return _decompressed(body, "zstd", *_zstd(), limit)
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        known = ", ".join(ENCODINGS)
        raise PayloadError(UNSUPPORTED, f'Content-Encoding "{encoding}" is not understood; use {known} or none')
    if encoding in ("", "identity") and body[:2] != _GZIP_MAGIC:
        return body
    return _decompressed(body, "gzip", lambda: isal_zlib.decompressobj(31), _BAD_GZIP, limit)


def _decompressed(body: bytes, name: str, stream_of: Callable[[], Any], bad: type[Exception], limit: int) -> bytes:
    parts: list[bytes] = []
    for _ in range(_MEMBERS):
        stream = stream_of()
        try:
            parts.append(stream.decompress(body, limit + 1 - sum(map(len, parts))))
        except bad as error:
            raise PayloadError(MALFORMED, f"not valid {name}: {error}") from None
        if sum(map(len, parts)) > limit:
            raise PayloadError(TOO_LARGE, f"the decompressed body must not exceed {limit} bytes")
        if not stream.eof:
            raise PayloadError(MALFORMED, f"not valid {name}: the stream is cut")
        body = stream.unused_data
        if not body:
            return b"".join(parts)
    raise PayloadError(MALFORMED, f"{name} of more than {_MEMBERS} members; compress the body as a whole")


def _zstd() -> tuple[Callable[[], Any], type[Exception]]:
    """Return what makes a decompressor, and what it raises; loaded with the first such body."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
    return lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError
