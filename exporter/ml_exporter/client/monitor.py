"""The object that a model server keeps: reports predictions and labels, measures latency and errors."""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import secrets
import ssl
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, ParamSpec, TypeVar

from ml_exporter.client.encoding import Unwritable
from ml_exporter.client.sender import BATCH, Endpoint, Sender, Stats

P = ParamSpec("P")
R = TypeVar("R")

CAPACITY: Final = 50_000


class Prediction:
    """One prediction under way; set what the model says, and it is reported at the end of the ``with``.

    ``score`` is that of the positive class (binary), ``scores`` those of all classes by name (multiclass),
    ``prediction`` the predicted class or value. An exception that passes is reported as an error and goes on.
    """

    __slots__ = ("_event", "_monitor", "_started", "prediction", "score", "scores")

    def __init__(self, monitor: Monitor, event: dict[str, Any]) -> None:
        self._monitor = monitor
        self._event = event
        self._started = 0.0
        self.score: Any = None
        self.scores: Mapping[str, Any] | None = None
        self.prediction: Any = None

    @property
    def id(self) -> str:
        """The id under which the label is to come; empty if the one given has no text."""
        identifier = self._event["id"]
        return identifier if isinstance(identifier, str) else ""

    def __enter__(self) -> Prediction:
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        event = self._event
        event["latency_seconds"] = time.perf_counter() - self._started
        if kind is not None:
            event["error"] = kind.__name__
        if self.score is not None:
            event["score"] = self.score
        if self.scores is not None:
            event["scores"] = _copy(self.scores, "scores must be a mapping")
        if self.prediction is not None:
            event["prediction"] = self.prediction
        self._monitor._put("predictions", event)


class Monitor:
    """Reports to one exporter. Thread-safe, safe after a fork, and silent about the exporter's absence.

    ``capacity`` bounds the events kept in memory; when it is reached the newest are dropped and counted.
    ``interval`` is the longest time an event waits before it is sent, in seconds, ``timeout`` that of one
    request. ValueError for a url that is none.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:19100",
        *,
        model: str,
        version: str | None = None,
        capacity: int = CAPACITY,
        interval: float = 0.5,
        timeout: float = 5.0,
        exit_timeout: float = 3.0,
        user: str | None = None,
        password: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._endpoint = Endpoint(url, user, password, ssl_context)
        self._model = model
        self._version = version
        self._capacity = capacity
        self._interval = interval
        self._timeout = timeout
        self._exit_timeout = exit_timeout
        self._begin()
        _monitors.add(self)

    def _begin(self) -> None:
        """Start anew: in a new process nothing of the parent's buffer, thread or connection may be used."""
        self._stats = Stats()
        self._buffer: deque[tuple[str, dict[str, Any]]] = deque()
        self._sender: Sender | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._prefix = secrets.token_hex(8)
        self._numbers = itertools.count()

    def prediction(
        self,
        features: Mapping[str, Any] | None = None,
        *,
        id: str | int | None = None,
        segments: Mapping[str, Any] | None = None,
        attributions: Mapping[str, Any] | None = None,
    ) -> Prediction:
        """Return a context manager that measures one prediction; without an id it makes one.

        ``segments`` are values by which predictions are parted and which are no features; ``attributions`` what
        each feature added to the prediction.
        """
        event: dict[str, Any] = {
            "model": self._model,
            "id": _text(id) if id is not None else f"{self._prefix}-{next(self._numbers)}",
            "timestamp": time.time(),
        }
        if self._version is not None:
            event["version"] = self._version
        if features is not None:
            event["features"] = _copy(features, "features must be a mapping")
        if segments is not None:
            event["segments"] = _copy(segments, "segments must be a mapping")
        if attributions is not None:
            event["attributions"] = _copy(attributions, "attributions must be a mapping")
        return Prediction(self, event)

    def log(
        self,
        features: Mapping[str, Any] | None = None,
        *,
        id: str | int | None = None,
        segments: Mapping[str, Any] | None = None,
        attributions: Mapping[str, Any] | None = None,
        score: Any = None,
        scores: Mapping[str, Any] | None = None,
        prediction: Any = None,
        latency_seconds: float | None = None,
    ) -> str:
        """Report a prediction that is over; return its id."""
        entry = self.prediction(features, id=id, segments=segments, attributions=attributions)
        event = entry._event
        for name, value in (("score", score), ("prediction", prediction), ("latency_seconds", latency_seconds)):
            if value is not None:
                event[name] = value
        if scores is not None:
            event["scores"] = _copy(scores, "scores must be a mapping")
        self._put("predictions", event)
        return entry.id

    def label(self, id: str | int, label: Any, *, timestamp: float | None = None) -> None:
        """Report what turned out to be true of a prediction."""
        event = {"model": self._model, "id": _text(id), "label": label}
        event["timestamp"] = time.time() if timestamp is None else timestamp
        self._put("labels", event)

    def feedback(
        self,
        id: str | int,
        *,
        rating: float | None = None,
        thumb: bool | str | None = None,
        timestamp: float | None = None,
    ) -> None:
        """Report what somebody said of a prediction: a rating within the model's scale, or a thumb, up or down."""
        event = {"model": self._model, "id": _text(id)}
        event |= {name: value for name, value in (("rating", rating), ("thumb", thumb)) if value is not None}
        event["timestamp"] = time.time() if timestamp is None else timestamp
        self._put("feedback", event)

    def measure(self, output: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Return a decorator for a function whose first argument is a mapping of features.

        ``output`` says what the function returns: ``score``, ``scores`` or ``prediction``.
        """
        if output not in ("score", "scores", "prediction"):
            raise ValueError(f'output must be score, scores or prediction, got "{output}"')

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            @functools.wraps(function)
            def measured(*args: P.args, **kwargs: P.kwargs) -> R:
                with self.prediction(_first_mapping(args)) as event:
                    result = function(*args, **kwargs)
                    setattr(event, output, result)
                return result

            return measured

        return decorate

    @property
    def stats(self) -> Stats:
        """What became of the events of this process so far."""
        sender = self._sender
        self._stats.queued = sender.waiting if sender is not None else len(self._buffer)
        return self._stats

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all is sent; return whether it was within ``timeout`` seconds. Not for the request path."""
        return self._sender.flush(timeout) if self._sender is not None else True

    def close(self) -> None:
        """Send what is left, within ``exit_timeout``, and end the background thread."""
        self._closed = True
        if self._sender is not None:
            self._sender.close(self._exit_timeout)

    def _put(self, kind: str, event: dict[str, Any]) -> None:
        """Buffer an event; never blocks beyond a moment, never raises."""
        buffer = self._buffer
        if self._closed or len(buffer) >= self._capacity:
            self._stats.dropped_full += 1
            return
        buffer.append((kind, event))
        if self._sender is None:
            self._start()
        if len(buffer) == BATCH and self._sender is not None:
            self._sender.wake()

    def _start(self) -> None:
        with self._lock:
            if self._sender is None:
                sender = Sender(self._endpoint, self._buffer, self._stats, self._interval, self._timeout)
                try:
                    sender.start()
                except RuntimeError:
                    return  # no thread can be started, for example while the interpreter ends
                self._sender = sender
                # A monitor that nobody keeps any more still sends what it was given.
                finalizer = weakref.finalize(self, sender.release, self._exit_timeout)
                finalizer.atexit = False
                _senders[sender] = self._exit_timeout

    def _after_fork(self) -> None:
        self._endpoint.forget()
        self._begin()


def _copy(values: Any, wanted: str) -> Any:
    """Return a copy that the caller cannot change; what is no mapping is left to the encoder to refuse."""
    try:
        return {**values}
    except Exception:
        return Unwritable(wanted, values)


def _text(identifier: Any) -> Any:
    """Return an id as text; what has none is left to the encoder to refuse."""
    try:
        return str(identifier)
    except Exception:
        return Unwritable("an id must be text or a number", identifier)


def _first_mapping(args: tuple[Any, ...]) -> Any:
    try:
        return args[0] if args and isinstance(args[0], Mapping) else None
    except Exception:
        return args[0]


_monitors: weakref.WeakSet[Monitor] = weakref.WeakSet()
_senders: weakref.WeakKeyDictionary[Sender, float] = weakref.WeakKeyDictionary()


def _close_all() -> None:
    for monitor in list(_monitors):
        monitor._closed = True
    for sender, timeout in list(_senders.items()):
        sender.release(timeout)
    for sender, timeout in list(_senders.items()):
        sender.close(timeout)


def _restart_all() -> None:
    _senders.clear()
    for monitor in list(_monitors):
        monitor._after_fork()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_restart_all)
