"""The background thread that sends what was buffered."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import logging
import queue
import ssl
import threading
import time
from base64 import b64encode
from collections import deque
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from ml_exporter.client.encoding import encode

log = logging.getLogger("ml_exporter.client")

BATCH: Final = 500
LONGEST_PAUSE: Final = 30.0

FAILURES: Final = 5
"""Times that the same events are answered with an internal error before they are dropped (chosen)."""


@dataclass
class Stats:
    """What became of events: ``queued`` wait, ``sent`` arrived, ``dropped`` are lost, by reason."""

    queued: int = 0
    sent: int = 0
    dropped_full: int = 0
    dropped_rejected: int = 0
    dropped_unencodable: int = 0
    dropped_at_exit: int = 0

    @property
    def dropped(self) -> int:
        """All events that are lost."""
        return self.dropped_full + self.dropped_rejected + self.dropped_unencodable + self.dropped_at_exit


class Endpoint:
    """Where the exporter listens, and the connection to it."""

    def __init__(self, url: str, user: str | None, password: str | None, context: ssl.SSLContext | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f'url must be like http://127.0.0.1:19100, got "{url}"')
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._tls = parts.scheme == "https"
        self._context = context
        self._headers = {"Content-Type": "application/x-ndjson"}
        if user is not None:
            token = b64encode(f"{user}:{password or ''}".encode()).decode()
            self._headers["Authorization"] = f"Basic {token}"
        self._connection: http.client.HTTPConnection | None = None

    def post(self, path: str, body: bytes, timeout: float) -> tuple[int, str, bytes]:
        """Send a body; return status, Retry-After and answer. OSError or HTTPException if that fails."""
        headers = self._headers
        if len(body) > 2048 and self._host not in ("127.0.0.1", "localhost", "::1"):
            body, headers = gzip.compress(body, 1), {**headers, "Content-Encoding": "gzip"}
        connection = self._connection or self._connect(timeout)
        try:
            connection.request("POST", self._prefix + path, body, headers)
            response = connection.getresponse()
            return response.status, response.headers.get("Retry-After", ""), response.read()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next post opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def forget(self) -> None:
        """Leave the connection to the process that opened it."""
        self._connection = None

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self._tls:
            context = self._context or ssl.create_default_context()
            self._connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=timeout, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        return self._connection


class Signal:
    """A ``threading.Event`` for one waiting thread, whose ``set`` takes no lock.

    A finalizer calls it, which may run within this very thread's ``wait``, or in a forked child for a thread
    that held the lock in its parent.
    """

    def __init__(self) -> None:
        self._set = False
        self._tokens: queue.SimpleQueue[None] = queue.SimpleQueue()

    def is_set(self) -> bool:
        """Whether it was set and not cleared since."""
        return self._set

    def set(self) -> None:
        """Wake the thread that waits."""
        self._set = True
        if self._tokens.empty():
            self._tokens.put(None)

    def clear(self) -> None:
        """Make the next wait last."""
        self._set = False
        with contextlib.suppress(queue.Empty):
            self._tokens.get_nowait()

    def wait(self, timeout: float) -> None:
        """Wait until it is set, at most ``timeout`` seconds."""
        if not self._set:
            with contextlib.suppress(queue.Empty):
                self._tokens.get(timeout=timeout)


class Sender:
    """Takes events from a buffer, sends them in batches, tries again while the exporter is away.

    Ids make a second try safe: the exporter counts an id once. A batch that it answers with 4xx, or
    several times with an internal error, is dropped and counted, so that what is behind it goes on.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        buffer: deque[tuple[str, dict[str, Any]]],
        stats: Stats,
        interval: float,
        timeout: float,
    ) -> None:
        self._endpoint = endpoint
        self._buffer = buffer
        self._stats = stats
        self._interval = interval
        self._timeout = timeout
        self._wake = Signal()
        self._closing = Signal()
        self._deadline: float | None = None
        self._in_flight = 0
        self._failures = 0
        self._warned = -60.0
        self._thread = threading.Thread(target=self._run, name="ml-exporter-client", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def wake(self) -> None:
        """Send now instead of at the end of the interval."""
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Events that are neither sent nor dropped."""
        return len(self._buffer) + self._in_flight

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is waiting any more; return whether that came within ``timeout`` seconds."""
        end = time.monotonic() + timeout
        while self.waiting and time.monotonic() < end:
            self._wake.set()
            time.sleep(0.002)
        return not self.waiting

    def release(self, timeout: float) -> None:
        """Send what is left for at most ``timeout`` seconds and end, without waiting for it here."""
        if self._deadline is None:
            self._deadline = time.monotonic() + timeout
        self._closing.set()
        self._wake.set()

    def close(self, timeout: float) -> None:
        """Send what is left for at most ``timeout`` seconds, then end."""
        self.release(timeout)
        if self._thread.is_alive():
            self._thread.join(timeout + 1.0)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(self._interval)
            self._wake.clear()
            self._send_safely()
        self._send_safely()
        self._stats.dropped_at_exit += self.waiting
        self._buffer.clear()
        self._in_flight = 0
        self._endpoint.close()

    def _send_safely(self) -> None:
        """Send; whatever goes wrong costs what was on its way, never the thread."""
        try:
            self._send_all()
        except Exception as error:
            self._stats.dropped_rejected += self._in_flight
            self._in_flight = 0
            self._warn(f"events were lost by an unexpected error: {_described(error)}")
            self._closing.wait(1.0)

    def _send_all(self) -> None:
        """Send batches until the buffer is empty or time is up."""
        while self._buffer and self._left() > 0:
            kind, events = self._take()
            lines = self._encoded(events)
            self._in_flight = len(lines)
            pause = 0.25
            self._failures = 0
            while lines and (wait := self._post(kind, lines, pause)) is not None:
                if self._left() <= 0:
                    return
                self._closing.wait(min(wait, self._left()))
                if self._closing.is_set():
                    time.sleep(min(wait, 0.1, self._left()))
                pause = min(pause * 2, LONGEST_PAUSE)
            self._in_flight = 0

    def _take(self) -> tuple[str, list[dict[str, Any]]]:
        """Remove the next events of one kind, at most a batch."""
        kind = self._buffer[0][0]
        events: list[dict[str, Any]] = []
        while self._buffer and len(events) < BATCH and self._buffer[0][0] == kind:
            self._in_flight += 1  # first: an event must not seem done between buffer and batch
            events.append(self._buffer.popleft()[1])
        return kind, events

    def _encoded(self, events: list[dict[str, Any]]) -> list[bytes]:
        lines = []
        for event in events:
            try:
                lines.append(encode(event))
            except Exception as error:  # a value's own conversion may raise anything
                self._stats.dropped_unencodable += 1
                self._warn(f"an event cannot be written as JSON: {_described(error)}")
        return lines

    def _post(self, kind: str, lines: list[bytes], pause: float) -> float | None:
        """Send lines; return None if they are done with, else the seconds to wait before the next try."""
        try:
            status, after, answer = self._endpoint.post(f"/v1/{kind}", b"\n".join(lines), self._timeout)
        except (OSError, http.client.HTTPException) as error:
            self._warn(f"the exporter cannot be reached: {_described(error)}")
            return pause
        self._failures += status >= 500 and status != 503
        if status in (429, 503) or (status >= 500 and self._failures < FAILURES):
            return float(after) if after.isdecimal() else pause
        rejected = len(lines) if status >= 300 else _rejected(answer)
        self._stats.sent += len(lines) - rejected
        self._stats.dropped_rejected += rejected
        if rejected:
            self._warn(f"the exporter refused {rejected} of {len(lines)} events: {answer[:300]!r}")
        return None

    def _left(self) -> float:
        return LONGEST_PAUSE if self._deadline is None else max(self._deadline - time.monotonic(), 0.0)

    def _warn(self, text: str) -> None:
        """Log at most once a minute: a sidecar that is away must not fill the server's log."""
        now = time.monotonic()
        if now - self._warned >= 60.0:
            self._warned = now
            with contextlib.suppress(Exception):  # a server's own filter or handler may raise
                log.warning(text)


def _described(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__


def _rejected(answer: bytes) -> int:
    if b'"rejected"' not in answer:
        return 0
    try:
        return int(json.loads(answer).get("rejected", 0))
    except (ValueError, TypeError, AttributeError):
        return 0
