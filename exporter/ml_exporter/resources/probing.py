"""Requests to the model server at an interval, beside the ticks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence

import numpy as np

from ml_exporter.core.errors import ResourceError
from ml_exporter.core.metrics import Block, Metric, Rows
from ml_exporter.resources.boot import started_at
from ml_exporter.resources.probe import Answer
from ml_exporter.resources.target import Target


class ProbingReader:
    """Probes in a thread of its own from the first collection on; a collection never waits for it.

    A probe that fails by a mistake is told at each collection until a later one does not.

    ``probes`` is the counter of probes by result, and ``what`` how a message calls them.
    """

    key: str
    metrics: tuple[Metric, ...]
    probes: Metric
    what: str

    def __init__(self, target: Target, interval: float, results: Sequence[str]) -> None:
        self._target = target
        self._interval = interval
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        self._counts = dict.fromkeys(results, 0)
        self._rows = Rows.of(results)

    async def ask(self) -> Answer:
        """Probe once."""
        raise NotImplementedError

    def found(self) -> Iterable[Block]:
        """Yield what the probes found so far."""
        raise NotImplementedError

    def note(self, answer: Answer, started: float | None) -> None:
        """Take what a probe found; ``started`` is when the server's process did, None if that is not known."""
        raise NotImplementedError

    def collect(self) -> Iterable[Block]:
        """Yield how many probes there were, and what they found."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self.key, daemon=True)
            self._thread.start()
        if (failure := self._failure) is not None:
            raise ResourceError(f"{self.what} fail: {failure!r}")
        with self._lock:
            yield Block(self.probes, (), self._rows, np.array(list(self._counts.values()), np.int64))
            yield from self.found()

    def take(self, answer: Answer, started: float | None) -> None:
        """Count a probe; ``started`` is when the server's process did, None if that is not known."""
        with self._lock:
            self._counts[answer.result] += 1
            self.note(answer, started)

    def _work(self) -> None:
        while not self._target.stopped.is_set():
            try:
                asyncio.run(self._probe())
            except Exception as error:
                self._failure = error
                self._target.stopped.wait(self._interval)

    async def _probe(self) -> None:
        """Probe at the interval until the readers stop; end with the first mistake."""
        stopped = self._target.stopped
        loop = asyncio.get_running_loop()
        following = loop.time()
        while not stopped.is_set():
            answer = await self.ask()
            self.take(answer, self._started())
            self._failure = None
            following = max(following + self._interval, loop.time())
            while not stopped.is_set() and (left := following - loop.time()) > 0:
                await asyncio.sleep(min(left, 0.5))

    def _started(self) -> float | None:
        tree = self._target.known() if self._target.is_set else None
        return started_at(tree.started) if tree else None
