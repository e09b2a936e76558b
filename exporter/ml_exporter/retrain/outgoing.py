"""One HTTP request to somebody else: verified, bounded in time and size, never redirected.

Made of ``http.client``: it follows no redirect, asks no proxy and reads no ``.netrc`` unless told to, all of
which a library that does more would have to be told not to do.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ml_exporter import __version__

REPLY_BYTES: Final = 1 << 20
"""Bytes of an answer that are read at most (chosen)."""

CONNECT_SECONDS: Final = 10.0
"""Longest time to connect (chosen)."""


class NotSentError(Exception):
    """The connection could not be made: the server has not seen the request."""


class UnansweredError(Exception):
    """The request was sent, or a part of it, and no whole answer came: nobody knows what became of it."""


@dataclass(frozen=True)
class Endpoint:
    """Where a server is: its URL up to the path of the API, who signs its certificate, seconds to wait.

    Of an answer ``most`` bytes are read.
    """

    url: str
    ca_file: Path | None
    timeout: float
    most: int = REPLY_BYTES


@dataclass(frozen=True)
class Reply:
    """Status, body and the seconds of a Retry-After header, 0 if there is none."""

    status: int
    body: bytes
    retry_after: float


def send(endpoint: Endpoint, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
    """Return the answer to a request; ``path`` is quoted and follows the URL of the endpoint.

    Raises NotSentError or UnansweredError. Takes at most the timeout, and as long again to connect.
    """
    url = urlsplit(endpoint.url + path)
    connection = _connect(endpoint)
    expired = threading.Event()
    bound: socket.socket = connection.sock

    def expire() -> None:
        expired.set()
        with suppress(OSError):  # closed already
            bound.shutdown(socket.SHUT_RDWR)

    # A timeout of the socket begins anew with every byte; this one does not.
    watch = threading.Timer(endpoint.timeout, expire)
    watch.daemon = True
    watch.start()
    try:
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        agent = {"User-Agent": f"ml-exporter/{__version__}", "Accept": "application/json"}
        connection.request(method, target, body, {**agent, **headers})
        response = connection.getresponse()
        content = response.read(endpoint.most)
        wait = response.headers.get("Retry-After", "")
        reply = Reply(response.status, content, float(wait) if wait.isdecimal() else 0.0)
    except (OSError, http.client.HTTPException, AttributeError) as error:
        if expired.is_set() or isinstance(error, TimeoutError):
            raise UnansweredError(f"no answer within {endpoint.timeout:g} s") from None
        raise UnansweredError(f"no whole answer: {_told(error)}") from None
    finally:
        watch.cancel()
        connection.close()
    if expired.is_set():
        raise UnansweredError(f"no answer within {endpoint.timeout:g} s")
    return reply


def _connect(endpoint: Endpoint) -> http.client.HTTPConnection:
    url = urlsplit(endpoint.url)
    seconds = min(endpoint.timeout, CONNECT_SECONDS)
    connection: http.client.HTTPConnection
    try:
        if url.scheme == "https":
            context = ssl.create_default_context(cafile=endpoint.ca_file)
            connection = http.client.HTTPSConnection(
                url.hostname or "", url.port, timeout=seconds, context=context
            )
        else:
            connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=seconds)
        connection.connect()
    except (OSError, UnicodeError) as error:
        raise NotSentError(f"cannot connect to {url.netloc}: {_told(error)}") from None
    connection.sock.settimeout(endpoint.timeout)
    return connection


def _told(error: Exception) -> str:
    """Return what happened; errors of ``http.client`` can quote what was sent, so only their name is told."""
    if isinstance(error, ssl.SSLError):
        plain = error.reason == "WRONG_VERSION_NUMBER"
        told = "no TLS there; is it http://?" if plain else error.reason
        return getattr(error, "verify_message", "") or told or "TLS failed"
    if isinstance(error, TimeoutError):
        return "timed out"
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__
