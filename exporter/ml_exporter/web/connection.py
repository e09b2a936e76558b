"""One HTTP/1.1 connection: bytes in, requests to the handler one after the other, responses out.

Parsing is llhttp's (httptools). A protocol of our own around it, rather than a framework, because the
intake needs what those do not give: credentials checked before the body is read, deadlines for headers
and bodies, and single events at several times the rate.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, Protocol, cast
from urllib.parse import unquote

import httptools

from ml_exporter.core.privacy import without_message
from ml_exporter.web.messages import Request, Response, problem

log = logging.getLogger(__name__)

HEADER_BYTES: Final = 32 * 1024
HEADER_SECONDS: Final = 10.0
BODY_SECONDS: Final = 30.0
IDLE_SECONDS: Final = 75.0
WRITE_SECONDS: Final = 30.0
LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 4 << 20

_LOWER: Final = {
    spelling: name
    for name in (b"host", b"content-type", b"content-length", b"content-encoding", b"user-agent", b"accept")
    for spelling in (name, name.title())
}

_ORIGIN: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/?]*/?")

Answer = Response | Awaitable[Response]


class Gate(Protocol):
    """What the connection asks about a request whose headers have come, and hands the whole request to."""

    def admit(self, request: Request) -> Response | Awaitable[Response | None] | None:
        """Return None to read the body, or the response that refuses the request; it may take its time.

        A request that is admitted has its ``limit`` set.
        """

    def answer(self, request: Request) -> Answer:
        """Return the response to a whole request."""


@lru_cache(256)
def _split_url(url: bytes) -> tuple[str, str]:
    """Return path and query of a request target, which may be a whole URL (RFC 9112, section 3.2.2)."""
    target = url.decode("latin-1")
    if target[:1] != "/":
        target = _ORIGIN.sub("/", target, count=1) if _ORIGIN.match(target) else target
    path, _, query = target.partition("?")
    return unquote(path) if "%" in path else path, query


@dataclass(slots=True)
class Shared:
    """What all connections of a server share."""

    gate: Gate
    headers: Mapping[str, str] = field(default_factory=dict)
    connections: set[Connection] = field(default_factory=set)
    max_connections: int = 512
    stopping: bool = False
    on_refused: Callable[[str], None] = lambda reason: None
    _heads: dict[tuple[Any, ...], bytes] = field(default_factory=dict)
    date: bytes = b""

    def replace(self, headers: Mapping[str, str], max_connections: int) -> None:
        """Go on with other headers and another bound."""
        self.headers, self.max_connections = headers, max_connections
        self._heads.clear()

    def tick(self, now: float) -> None:
        """Renew the date and close the connections that are past their deadline; called every second."""
        self.date = f"Date: {formatdate(usegmt=True)}\r\n".encode()
        for connection in list(self.connections):
            if connection.deadline is not None and connection.deadline < now:
                connection.expire()

    def head(self, response: Response, keep_alive: bool) -> bytes:
        """Return status line and headers up to the length."""
        key = (response.status, response.content_type, response.headers, keep_alive)
        head = self._heads.get(key)
        if head is None:
            lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
            lines.append(f"Content-Type: {response.content_type}")
            extra = dict(response.headers)
            lines += [f"{name}: {value}" for name, value in {**self.headers, **extra}.items()]
            if not keep_alive:
                lines.append("Connection: close")
            head = "\r\n".join([*lines, "Content-Length: "]).encode("latin-1", "replace")
            if len(self._heads) < 1000:
                self._heads[key] = head
        return head


@dataclass(slots=True)
class Turn:
    """A request that waits for its turn; with a refusal it is the last one of its connection."""

    request: Request
    keep_alive: bool = False
    admitted: bool = False
    complete: bool = False
    refusal: Response | None = None


class Connection(asyncio.Protocol):
    """The protocol of one connection; its callbacks run in the event loop."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.deadline: float | None = None
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._turns: deque[Turn] = deque()
        self._task: asyncio.Task[None] | None = None
        self._admission: asyncio.Task[None] | None = None
        self._blocked = False
        self._deaf = False
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._header_bytes = 0
        self._hosts = 0
        self._body: list[bytes] = []
        self._received = 0
        self._request: Request | None = None

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio transports by their methods only, not by their class.
        self._transport = cast(asyncio.Transport, transport)
        shared = self.shared
        shared.connections.add(self)
        self.deadline = self._loop.time() + HEADER_SECONDS
        if shared.stopping or len(shared.connections) > shared.max_connections:
            shared.on_refused("connections")
            self._refuse(problem(503, "too many connections; try again", (("Retry-After", "1"),)))

    def connection_lost(self, exc: Exception | None) -> None:
        self.shared.connections.discard(self)
        self.deadline = None
        self._transport = None
        for task in (self._task, self._admission):
            if task is not None:
                task.cancel()

    def pause_writing(self) -> None:
        self._wait_at_most(WRITE_SECONDS)
        self._blocked = True
        self._pause()

    def resume_writing(self) -> None:
        self._blocked = False
        if self._task is None and self._admission is None:
            self._wait_at_most(WRITE_SECONDS if self._deaf else IDLE_SECONDS)
        else:
            self._wait_at_most(None)
        self._serve()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            self._received += len(data)
            if self._received > LINGER_BYTES and self._transport is not None:
                self._transport.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # refused when its headers were complete
        except httptools.HttpParserError as error:
            self._refuse(problem(400, f"not a valid request: {error}"))

    # Called by the parser.

    def on_message_begin(self) -> None:
        self._begin()
        if self._is_free() and not self._turns:
            self._wait_at_most(HEADER_SECONDS)

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._header_bytes += len(url)
        if self._header_bytes > HEADER_BYTES:
            self._refuse_header()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > HEADER_BYTES:
            self._refuse_header()
        name = _LOWER.get(name) or name.lower()
        if name == b"host":
            self._hosts += 1
        self._headers[name] = value

    def on_headers_complete(self) -> None:
        if self._deaf:
            return
        if self._parser.should_upgrade():
            self._refuse(problem(400, "upgrades are not supported"))
            return
        if self._hosts != 1 and (self._hosts or self._parser.get_http_version() == "1.1"):
            self._refuse(problem(400, "one Host header must be given"))
            return
        path, query = _split_url(self._url)
        request = Request(self._parser.get_method().decode("latin-1"), path, query, self._headers)
        self._request = request
        if self._is_free() and not self._turns:
            self._admit(request)
        else:
            self._turns.append(Turn(request))
            self._pause()

    def on_body(self, body: bytes) -> None:
        if self._deaf:
            return
        self._received += len(body)
        # Before admission the limit is not known yet; at most what was in the buffer comes then.
        if self._request is not None and self._received > self._request.limit and not self._turns:
            self._refuse(self._too_large(self._request))
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        request = self._request
        if self._deaf or request is None:
            return
        request.body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._wait_at_most(None)
        keep_alive = self._parser.should_keep_alive() and not self.shared.stopping
        if self._turns:
            turn = self._turns[-1]
            turn.keep_alive, turn.complete = keep_alive, True
        elif self._blocked:
            self._turns.append(Turn(request, keep_alive, admitted=True, complete=True))
        else:
            self._take_turn(request, keep_alive, self._answer(request))

    # Called by the server.

    def expire(self) -> None:
        """End the connection: it kept the server waiting for too long."""
        if not self._deaf:
            self.shared.on_refused("timeout")
        if self._transport is not None:
            self._transport.abort()

    def close_if_idle(self) -> bool:
        """Close a connection that has no request under way; return whether it has none."""
        idle = self._task is None and not self._turns and self._admission is None
        if idle and self._transport is not None:
            self._transport.close()
        return idle

    # Inside.

    def _refuse_header(self) -> None:
        if not self._deaf:
            self._refuse(problem(431, f"headers must not exceed {HEADER_BYTES} bytes"))

    def _wait_at_most(self, seconds: float | None) -> None:
        """Set the deadline, unless the one for taking an answer runs."""
        if not self._blocked:
            self.deadline = None if seconds is None else self._loop.time() + seconds

    def _is_free(self) -> bool:
        """Return whether the next request can be answered."""
        return self._task is None and self._admission is None and not self._blocked

    def _admit(self, request: Request) -> None:
        """Ask for admission of a request whose turn it is; what still comes of its body has a deadline."""
        try:
            refusal = self.shared.gate.admit(request)
        except Exception as error:
            refusal = self._failed(request, error)
        if refusal is None:
            self._expect_body(request)
        elif isinstance(refusal, Response):
            self._refuse_turn(refusal)
        else:
            if not self._turns:
                self._turns.append(Turn(request))
            self._pause()
            self._wait_at_most(None)
            self._admission = self._loop.create_task(self._wait_for_admission(request, refusal))

    def _expect_body(self, request: Request) -> None:
        received, complete = 0, False
        if self._turns:
            turn = self._turns[0]
            turn.admitted, complete = True, turn.complete
            received = len(request.body) if complete else self._received
        length = request.headers.get(b"content-length", b"")
        if received > request.limit or (length.isdigit() and int(length) > request.limit):
            self._refuse_turn(self._too_large(request))
        elif not complete:
            self._wait_at_most(BODY_SECONDS)
            if b"expect" in request.headers and self._transport is not None:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _too_large(self, request: Request) -> Response:
        self.shared.on_refused("too_large")
        return problem(413, f"the body must not exceed {request.limit} bytes")

    async def _wait_for_admission(self, request: Request, refusal: Awaitable[Response | None]) -> None:
        try:
            refused = await refusal
        except Exception as error:
            refused = self._failed(request, error)
        self._admission = None
        if not self._turns or self._turns[0].request is not request:
            pass  # what came of its body was no body
        elif refused is not None:
            self._refuse_turn(refused)
        else:
            self._expect_body(request)
        self._serve()

    def _serve(self) -> None:
        """Answer the requests that wait, until one takes its time; read on when none waits."""
        while self._turns and self._is_free() and self._transport is not None:
            turn = self._turns[0]
            if turn.refusal is None and not turn.admitted:
                self._admit(turn.request)
                continue
            self._turns.popleft()
            if turn.refusal is not None:
                self._write(turn.request, False, turn.refusal)
            elif turn.complete:
                self._take_turn(turn.request, turn.keep_alive, self._answer(turn.request))
        if not self._turns:
            self._resume()

    def _take_turn(self, request: Request, keep_alive: bool, answer: Answer) -> None:
        if isinstance(answer, Response):
            self._write(request, keep_alive, answer)
        else:
            self._wait_at_most(None)
            self._task = self._loop.create_task(self._serve_later(request, keep_alive, answer))

    async def _serve_later(self, request: Request, keep_alive: bool, answer: Awaitable[Response]) -> None:
        try:
            response = await answer
        except Exception as error:
            response = self._failed(request, error)
        self._task = None
        self._write(request, keep_alive, response)
        self._serve()

    def _answer(self, request: Request) -> Answer:
        try:
            return self.shared.gate.answer(request)
        except Exception as error:
            return self._failed(request, error)

    def _failed(self, request: Request, error: Exception) -> Response:
        log.error("request failed", extra={"path": request.path}, exc_info=without_message(error))
        return problem(500, "internal error; see the log")

    def _refuse(self, response: Response) -> None:
        """Answer what is being read in its turn, then close: what else comes on this connection is forgotten."""
        if self._deaf:
            return
        self._deaf = True
        if self._turns and not self._turns[-1].complete:
            self._turns.pop()
        self._turns.append(Turn(Request("GET", "", "", {}), refusal=response))
        self._serve()

    def _refuse_turn(self, response: Response) -> None:
        """Refuse the request whose turn it is, and forget all that came after it."""
        self._turns.clear()
        self._deaf = False
        self._refuse(response)

    def _write(self, request: Request, keep_alive: bool, response: Response) -> None:
        if self._transport is None:
            return
        keep_alive = keep_alive and not response.close
        head = self.shared.head(response, keep_alive)
        length = b"%d\r\n" % len(response.body)
        body = b"" if request.method == "HEAD" else response.body
        self._transport.write(b"".join((head, length, self.shared.date, b"\r\n", body)))
        if self._deaf and not self._turns:
            self._linger()
        elif not keep_alive:
            self._deaf = True
            self._turns.clear()
            self._wait_at_most(WRITE_SECONDS)
            self._transport.close()
        elif self.deadline is None:
            self.deadline = self._loop.time() + IDLE_SECONDS

    def _linger(self) -> None:
        """Read and forget for a moment: closing at once could take the answer from a sender that still sends."""
        assert self._transport is not None
        self._received = 0
        self._wait_at_most(LINGER_SECONDS)
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def _resume(self) -> None:
        ready = self._admission is None and not self._blocked
        if ready and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
