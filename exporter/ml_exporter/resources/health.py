"""Whether the model server answers its health check, how fast, and how long it took to load."""

from __future__ import annotations

import asyncio
import threading
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

import numpy as np

from ml_exporter.core.errors import ResourceError
from ml_exporter.core.metrics import ONE, Block, Collector, Rows, counter, gauge, histogram, one
from ml_exporter.resources.boot import started_at
from ml_exporter.resources.probe import HEALTHY, RESULTS, Answer, probe
from ml_exporter.resources.target import Health, Target

_UP: Final = gauge("ml_server_health_up", "1 if the model server's last health check was healthy, else 0.")
_STATUS: Final = gauge("ml_server_health_status_code", "HTTP status of the last health check that was answered.")
_PROBES: Final = counter(
    "ml_server_health_probes_total",
    "Health checks by result: healthy, status (not 200 to 399), timeout, unreachable, invalid (no HTTP).",
    "result",
)
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_DURATION: Final = histogram(
    "ml_server_health_duration_seconds", "Time until the head of the answer, of health checks answered.", _BUCKETS
)
_LAST: Final = gauge("ml_server_health_timestamp_seconds", "Time at which the last health check ended.")
_LOAD: Final = gauge(
    "ml_server_model_load_seconds",
    "Time from the start of the model server's process to its first healthy check, which is late by up to"
    " server.health_interval; not of a process that had started long before it was first checked.",
)
_RESULTS: Final = Rows.of(RESULTS)


class HealthReader:
    """Probes in a thread of its own from the first collection on; a collection never waits for it.

    How long loading took is told only if the process was probed within an interval of its start: else it may have
    loaded before anybody looked.
    """

    key = "health"
    metrics = (_UP, _STATUS, _PROBES, _DURATION, _LAST, _LOAD)

    def __init__(self, target: Target, health: Health) -> None:
        self._target = target
        self._health = health
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._last: Answer | None = None
        self._status: int | None = None
        self._counts = dict.fromkeys(RESULTS, 0)
        self._buckets = [0] * (len(_BUCKETS) + 1)
        self._seconds = 0.0
        self._failure: Exception | None = None
        self._process: float | None = None
        self._is_loading = False
        self._load: float | None = None

    def collect(self) -> Iterable[Block]:
        """Yield what the probes found; no verdict before the first of them ended."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="health", daemon=True)
            self._thread.start()
        if self._failure is not None:
            raise ResourceError(f"health checks have ended: {self._failure!r}")
        with self._lock:
            yield Block(_PROBES, (), _RESULTS, np.array(list(self._counts.values()), np.int64))
            if sum(self._buckets):
                yield Block(_DURATION, (), ONE, np.array([*self._buckets, self._seconds]))
            if self._last is not None:
                yield one(_UP, int(self._last.result == HEALTHY))
                yield one(_LAST, self._last.at)
            if self._status is not None:
                yield one(_STATUS, self._status)
            if self._load is not None:
                yield one(_LOAD, self._load)

    def take(self, answer: Answer, started: float | None) -> None:
        """Count a probe; ``started`` is when the server's process did, None if that is not known."""
        with self._lock:
            self._last = answer
            self._counts[answer.result] += 1
            if answer.status is not None:
                self._status = answer.status
                self._buckets[bisect_left(_BUCKETS, answer.seconds)] += 1
                self._seconds += answer.seconds
            if started is None:
                return
            if started != self._process:
                seen_from_its_start = answer.at - started <= self._health.interval + self._health.timeout
                self._process, self._is_loading, self._load = started, seen_from_its_start, None
            if self._is_loading and answer.result == HEALTHY:
                self._is_loading, self._load = False, answer.at - started

    def _work(self) -> None:
        try:
            asyncio.run(self._probe())
        except Exception as error:
            self._failure = error

    async def _probe(self) -> None:
        stopped, health = self._target.stopped, self._health
        loop = asyncio.get_running_loop()
        following = loop.time()
        while not stopped.is_set():
            answer = await probe(health.url, health.timeout)
            self.take(answer, self._started())
            following = max(following + health.interval, loop.time())
            while not stopped.is_set() and (left := following - loop.time()) > 0:
                await asyncio.sleep(min(left, 0.5))

    def _started(self) -> float | None:
        tree = self._target.known() if self._target.is_set else None
        return started_at(tree.started) if tree else None


def reader(target: Target) -> Collector | None:
    """Return the reader of the model server's health, if it has an address for that."""
    return HealthReader(target, target.health) if target.health is not None else None
