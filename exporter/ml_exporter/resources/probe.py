"""One HTTP request to the model server with a deadline for all of it."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httptools

from ml_exporter import __version__

HEALTHY: Final = "healthy"
BAD_STATUS: Final = "status"
TIMEOUT: Final = "timeout"
UNREACHABLE: Final = "unreachable"
INVALID: Final = "invalid"
RESULTS: Final = (HEALTHY, BAD_STATUS, TIMEOUT, UNREACHABLE, INVALID)
"""What a probe may end with; ``invalid`` is an answer that is no HTTP."""

SUCCESS: Final = "success"
TOO_LARGE: Final = "too_large"
FETCHED: Final = (SUCCESS, BAD_STATUS, TIMEOUT, UNREACHABLE, INVALID, TOO_LARGE)
"""What fetching a body may end with."""

_GOOD: Final = range(200, 400)
_OK: Final = range(200, 201)
_MOST_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """How a probe ended: its result, the status if there was an answer, how long it took, and when it ended.

    ``body`` is what the server told, if that was asked for and is all there.
    """

    result: str
    status: int | None
    seconds: float
    at: float
    body: bytes | None = None


class _TooLargeError(Exception):
    """An answer goes on behind the most that is read of one."""


async def probe(url: str, timeout: float) -> Answer:
    """Ask once; return within about ``timeout`` seconds, whatever the server does.

    A status from 200 to 399 is healthy, as for the kubelet; redirects are not followed. The body is not read.
    """
    return await _ask(url, timeout, HEALTHY, _GOOD, with_body=False)


async def fetch(url: str, timeout: float) -> Answer:
    """Ask once for a body; return within about ``timeout`` seconds, whatever the server does.

    Only the whole body of an answer with status 200 is a success; redirects are not followed. At most 64 KiB are
    read, head included; more is ``too_large``.
    """
    return await _ask(url, timeout, SUCCESS, _OK, with_body=True)


async def _ask(url: str, timeout: float, success: str, good: range, with_body: bool) -> Answer:
    began = time.monotonic()
    status, body = None, None
    try:
        async with asyncio.timeout(timeout):
            status, body = await _answer(url, good if with_body else range(0))
        result = success if status in good else BAD_STATUS
    except TimeoutError:
        result = TIMEOUT
    except httptools.HttpParserError:
        result = INVALID
    except _TooLargeError:
        result = TOO_LARGE
    except (OSError, UnicodeError):
        # A name that cannot be one of a host is no OSError.
        result = UNREACHABLE
    return Answer(result, status, time.monotonic() - began, time.time(), body)


async def _answer(url: str, whole: range) -> tuple[int, bytes | None]:
    """Return the status of an answer, and its body if the status is one of ``whole``."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(
        parts.hostname, port, ssl=ssl.create_default_context() if secure else None
    )
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        head = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: ml-exporter/{__version__}\r\n"
        writer.write(f"{head}Accept: */*\r\nConnection: close\r\n\r\n".encode())
        answer = _Answer()
        received = 0
        while True:
            data = await reader.read(4096)
            received += len(data)
            if received > _MOST_BYTES and answer.status is not None:
                raise _TooLargeError
            if not data and answer.status is not None and not answer.is_framed:
                return answer.status, bytes(answer.body)
            if not data or received > _MOST_BYTES:
                raise httptools.HttpParserError("the answer ends early, or has no end")
            answer.feed(data)
            if answer.status is not None and answer.status not in whole:
                return answer.status, None
            if answer.status is not None and answer.has_ended:
                return answer.status, bytes(answer.body)
    finally:
        writer.transport.abort()


class _Answer:
    """Takes the parser's word for the first answer that is no announcement (status 1xx), and for no other.

    Without a length or chunks its body ends with the connection.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.is_framed = False
        self.has_ended = False
        self.body = bytearray()
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take more of what came; HttpParserError if it is no answer."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            raise httptools.HttpParserError("another protocol instead of an answer") from error
        except httptools.HttpParserError:
            if not self.has_ended:
                raise

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.status is None:
            is_chunked = name.lower() == b"transfer-encoding" and value.lower().strip().endswith(b"chunked")
            self.is_framed |= is_chunked or name.lower() == b"content-length"

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self.status is None and status >= 200:
            self.status = status

    def on_body(self, data: bytes) -> None:
        if not self.has_ended:
            self.body += data

    def on_message_complete(self) -> None:
        self.has_ended = self.status is not None
