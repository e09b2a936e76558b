"""Requests and responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

import orjson

from ml_exporter.core.text import printable

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
TEXT: Final = "text/plain; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"


@dataclass(slots=True)
class Request:
    """A request; header names are in lower case, values and ``body`` as they came over the wire.

    Admission sets ``limit``, the largest body accepted, and ``handler``, which answers.
    """

    method: str
    path: str
    query: str
    headers: Mapping[bytes, bytes]
    body: bytes = b""
    limit: int = 0
    handler: Callable[[Request], Any] | None = None

    def header(self, name: bytes) -> str | None:
        """Return the value of a header."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def parameter(self, name: str) -> str | None:
        """Return the last value of a query parameter."""
        return parse_qs(self.query).get(name, [None])[-1] if self.query else None


@dataclass(slots=True)
class Response:
    """A response; ``close`` ends the connection after it."""

    status: int
    body: bytes = b""
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = field(default=())
    close: bool = False


def json_response(status: int, document: Any, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Return ``document`` as JSON."""
    return Response(status, _encoded(document), JSON, headers)


def problem(
    status: int, detail: str, headers: tuple[tuple[str, str], ...] = (), *, close: bool = False, **more: Any
) -> Response:
    """Return a problem document (RFC 9457)."""
    title = HTTPStatus(status).phrase
    body = _encoded({"type": "about:blank", "title": title, "status": status, "detail": detail, **more})
    return Response(status, body, PROBLEM, headers, close)


def _encoded(document: Any) -> bytes:
    try:
        return orjson.dumps(document)
    except TypeError:  # an unpaired surrogate, which JSON can hold and UTF-8 cannot
        return orjson.dumps(_clean(document))


def _clean(value: Any) -> Any:
    """Return ``value`` with all its texts fit for an answer."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list | tuple) else value
