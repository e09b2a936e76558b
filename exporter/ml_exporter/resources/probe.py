"""One HTTP health check with a deadline for all of it."""

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

_GOOD: Final = range(200, 400)
_MOST_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """How a probe ended: its result, the status if there was an answer, how long it took, and when it ended."""

    result: str
    status: int | None
    seconds: float
    at: float


async def probe(url: str, timeout: float) -> Answer:
    """Ask once; return within about ``timeout`` seconds, whatever the server does.

    A status from 200 to 399 is healthy, as for the kubelet; redirects are not followed. The body is not read.
    """
    began = time.monotonic()
    status = None
    try:
        async with asyncio.timeout(timeout):
            status = await _status(url)
        result = HEALTHY if status in _GOOD else BAD_STATUS
    except TimeoutError:
        result = TIMEOUT
    except httptools.HttpParserError:
        result = INVALID
    except (OSError, UnicodeError):
        # A name that cannot be one of a host is no OSError.
        result = UNREACHABLE
    return Answer(result, status, time.monotonic() - began, time.time())


async def _status(url: str) -> int:
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
        answer = _Head()
        parser = httptools.HttpResponseParser(answer)
        received = 0
        while not answer.complete:
            data = await reader.read(4096)
            received += len(data)
            if not data or received > _MOST_BYTES:
                raise httptools.HttpParserError("no head of an answer")
            parser.feed_data(data)
        return int(parser.get_status_code())
    finally:
        writer.transport.abort()


class _Head:
    """Takes the parser's word that the head is complete."""

    complete = False

    def on_headers_complete(self) -> None:
        self.complete = True
