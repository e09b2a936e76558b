"""Whether the model server answers its health check, how fast, and how long it took to load."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

import numpy as np

from ml_exporter.core.metrics import ONE, Block, Collector, counter, gauge, histogram, one
from ml_exporter.resources.loading import Loading
from ml_exporter.resources.probe import HEALTHY, RESULTS, Answer, probe
from ml_exporter.resources.probing import ProbingReader
from ml_exporter.resources.target import Health, Target

_UP: Final = gauge("ml_server_health_up", "1 if the model server's last health check was healthy, else 0.")
_STATUS: Final = gauge(
    "ml_server_health_status_code", "HTTP status of the last health check; absent if it had no HTTP answer."
)
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


class HealthReader(ProbingReader):
    """Shows the last health check, and sums of all."""

    key = "health"
    metrics = (_UP, _STATUS, _PROBES, _DURATION, _LAST, _LOAD)
    probes = _PROBES
    what = "health checks"

    def __init__(self, target: Target, health: Health) -> None:
        super().__init__(target, health.interval, RESULTS)
        self._health = health
        self._last: Answer | None = None
        self._buckets = [0] * (len(_BUCKETS) + 1)
        self._seconds = 0.0
        self._loading = Loading(health.interval + health.timeout)

    async def ask(self) -> Answer:
        """Check once."""
        return await probe(self._health.url, self._health.timeout)

    def found(self) -> Iterable[Block]:
        """Yield what the checks found; no verdict before the first of them ended."""
        if sum(self._buckets):
            yield Block(_DURATION, (), ONE, np.array([*self._buckets, self._seconds]))
        if self._last is not None:
            yield one(_UP, int(self._last.result == HEALTHY))
            yield one(_LAST, self._last.at)
            if self._last.status is not None:
                yield one(_STATUS, self._last.status)
        if self._loading.seconds is not None:
            yield one(_LOAD, self._loading.seconds)

    def note(self, answer: Answer, started: float | None) -> None:
        """Take a check; ``started`` is when the server's process did, None if that is not known."""
        self._last = answer
        if answer.status is not None:
            self._buckets[bisect_left(_BUCKETS, answer.seconds)] += 1
            self._seconds += answer.seconds
        self._loading.take(started, answer.at, answer.result == HEALTHY)


def reader(target: Target) -> Collector | None:
    """Return the reader of the model server's health, if it has an address for that."""
    return HealthReader(target, target.health) if target.health is not None else None
