"""Sampled predictions and labels as lines of JSON, written by a thread of its own."""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ml_exporter.app.prediction_lines import Lines
from ml_exporter.config.settings import PredictionLogSettings
from ml_exporter.core.appended import AppendedFile
from ml_exporter.core.arrays import BoolArray, FloatArray
from ml_exporter.core.errors import StateError
from ml_exporter.core.privacy import without_message
from ml_exporter.ingest.assemble import Predictions, hash_ids
from ml_exporter.ingest.ids import Ids
from ml_exporter.ingest.queue import ModelIntake

log = logging.getLogger(__name__)

QUEUE_FULL: Final = "queue_full"
DISK: Final = "disk"
INTERNAL: Final = "internal"
LOSSES: Final = (QUEUE_FULL, DISK, INTERNAL)
"""Why a sampled event is not in the log: it came too fast, the file could not be written, an error here."""

CHUNK: Final = 256 << 10
"""Bytes written at a time (chosen: a quarter of the smallest file that may be configured)."""

_SEED: Final = 0x6D6C_6578_706F_7274
"""Seed of the hash that chooses ids; the same in every process."""


class PredictionLogCounts:
    """Lines written, and sampled events that were lost, by reason; they outlive a reload."""

    def __init__(self) -> None:
        self.written = 0
        self.lost: Counter[str] = Counter(dict.fromkeys(LOSSES, 0))


@dataclass(frozen=True, slots=True)
class _Sampled:
    """Sampled events of one batch; ``content`` is what the maker of their lines takes."""

    rows: int
    make: Callable[..., list[bytes]]
    content: tuple[Any, ...]


class PredictionLog:
    """Takes batches in the writer's thread, which never waits for it, and writes the sampled ones in another.

    An id is sampled if its hash is below the share, so that its label is sampled as well, and by every replica. An
    event without an id is sampled by chance. What does not fit the queue of ``most`` events is lost and counted.
    """

    def __init__(
        self, settings: PredictionLogSettings, key: bytes | None, most: int, counts: PredictionLogCounts
    ) -> None:
        self.settings = settings
        self._identity = (settings, key, most)
        self._file = AppendedFile(settings.file, settings.max_size, settings.keep)
        self._lines = Lines(settings, key or b"")
        self._most = most
        self._counts = counts
        self._limit = np.uint64(min(int(settings.share * 2.0**64), (1 << 64) - 1))
        self._chance = np.random.default_rng()
        self._waiting: queue.SimpleQueue[_Sampled | None] = queue.SimpleQueue()
        self._put = self._taken = 0
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def is_like(self, other: PredictionLog) -> bool:
        """Return whether both write the same lines to the same file."""
        return self._identity == other._identity

    def check(self) -> None:
        """Make the file if it is not there; StateError if it cannot be written."""
        try:
            self._file.make()
        except OSError as error:
            told = f"prediction_log.file: {self.settings.file} cannot be written: {error.strerror}"
            raise StateError(told) from error

    def close(self, timeout: float) -> None:
        """Write what waits, then end, ``timeout`` seconds from now at the latest."""
        self._waiting.put(None)
        self._thread.join(timeout)

    # In the writer's thread.

    def predictions(self, intake: ModelIntake, ids: Sequence[Any] | Ids, batch: Predictions, wall: float) -> None:
        """Take a batch of predictions that arrived at ``wall``; ``ids`` has one for each row."""
        try:
            mask = self._chosen(ids)
            rows = np.flatnonzero(mask).tolist()
            if rows:
                versions = batch.versions
                names = [versions[row] for row in rows] if len(versions) > 1 else versions * len(rows)
                columns = batch.columns if len(rows) == len(ids) else batch.columns.take(mask)
                some = ids.at(rows) if isinstance(ids, Ids) else [ids[row] for row in rows]
                content = (intake, some, columns, names, wall)
                self._waiting.put(_Sampled(len(rows), self._lines.predictions, content))
        except Exception as error:
            self._lost(INTERNAL, len(ids), error)

    def labels(self, intake: ModelIntake, ids: Sequence[Any], labels: FloatArray, times: FloatArray) -> None:
        """Take labels, each array (labels,); ``times`` are seconds since the Unix epoch."""
        try:
            rows = np.flatnonzero(self._chosen(ids)).tolist()
            if rows:
                content = (intake, [ids[row] for row in rows], labels[rows], times[rows])
                self._waiting.put(_Sampled(len(rows), self._lines.labels, content))
        except Exception as error:
            self._lost(INTERNAL, len(ids), error)

    def _chosen(self, ids: Sequence[Any] | Ids) -> BoolArray:
        """Return which events are sampled and fit the queue; the others of the sample are counted as lost."""
        if self.settings.share < 1:
            hashes, identified = hash_ids(ids, _SEED)
            chosen = hashes < self._limit
            if not identified.all():
                chance = self._chance.random(len(ids)) < self.settings.share
                chosen = np.where(identified, chosen, chance)
        else:
            chosen = np.ones(len(ids), bool)
        rows = np.flatnonzero(chosen)
        room = max(self._most - (self._put - self._taken), 0)
        if len(rows) > room:
            self._counts.lost[QUEUE_FULL] += len(rows) - room
            chosen[rows[room:]] = False
        self._put += min(len(rows), room)
        return chosen

    # In its own thread.

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            try:
                lines = item.make(*item.content)
            except Exception as error:
                self._lost(INTERNAL, item.rows, error)
            else:
                self._write(lines)
            self._taken += item.rows

    def _write(self, lines: list[bytes]) -> None:
        start = size = 0
        for place, line in enumerate(lines):
            if size and size + len(line) > CHUNK:
                self._append(lines[start:place])
                start, size = place, 0
            size += len(line)
        self._append(lines[start:])

    def _append(self, lines: list[bytes]) -> None:
        try:
            self._file.write(b"".join(lines))
        except OSError as error:
            self._counts.lost[DISK] += len(lines)
            if not self._failing:
                told = {"file": str(self.settings.file), "error": str(error)}
                log.error("prediction log cannot be written; its lines are lost until it can", extra=told)
            self._failing = True
        else:
            if self._failing:
                log.info("prediction log is written again", extra={"file": str(self.settings.file)})
            self._failing = False
            self._counts.written += len(lines)

    def _lost(self, reason: str, rows: int, error: Exception) -> None:
        self._counts.lost[reason] += rows
        log.error("events not in the prediction log", extra={"events": rows}, exc_info=without_message(error))
