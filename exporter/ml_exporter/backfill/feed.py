"""The events of several files in the order of their arrival, read no further than asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, compress

import numpy as np

from ml_exporter.backfill.events import Chunk, Labels
from ml_exporter.core.arrays import BoolArray, FloatArray
from ml_exporter.core.errors import EventsError
from ml_exporter.ingest.assemble import Predictions


@dataclass(slots=True)
class File:
    """A file's name and its events."""

    name: str
    chunks: Iterator[Chunk]


class Feed:
    """Predictions and labels by time of arrival.

    Files come in the order given, those that hold labels only by themselves. An event that is older than one
    before it counts as arriving with that one, as it would have live; one that is older by more than
    ``tolerance`` seconds is an EventsError: its file is not in the order of time. ``taken`` counts the events that
    were taken, ``rows`` the rows that were read.
    """

    def __init__(self, files: Sequence[File], tolerance: float) -> None:
        with_predictions: list[File] = []
        labels_only: list[File] = []
        for file in files:
            head = next(file.chunks, None)
            if head is not None:
                whole = File(file.name, chain((head,), file.chunks))
                (labels_only if head.predictions is None else with_predictions).append(whole)
        self._predictions = _Stream(with_predictions, tolerance, labels_only=False)
        self._label_files = _Stream(labels_only, tolerance, labels_only=True)
        self._labels = Labels.none()
        self._waiting: list[tuple[Predictions, FloatArray]] = []
        self._start = 0  # the first row of the first batch waiting that was not taken yet
        self.taken = 0
        self.rows = 0

    @property
    def first(self) -> float:
        """The time of the first event that was not taken yet; infinite if there is none."""
        while not self._waiting and not len(self._labels) and self._read(self._predictions):
            pass
        while not len(self._labels) and not self._label_files.done and self._read(self._label_files):
            pass
        times = [times[self._start] for _, times in self._waiting[:1]] + self._labels.arrivals[:1].tolist()
        return float(min(times, default=np.inf))

    def until(self, end: float) -> tuple[list[tuple[Predictions, FloatArray]], Labels]:
        """Take the events that arrived before ``end``: predictions with their times, and labels."""
        for stream in (self._predictions, self._label_files):
            while stream.reached < end and self._read(stream):
                pass
        predictions: list[tuple[Predictions, FloatArray]] = []
        while self._waiting and self._waiting[0][1][self._start] < end:
            batch, times = self._waiting[0]
            rows = slice(self._start, int(np.searchsorted(times, end)))
            predictions.append((rows_of(batch, rows), times[rows]))
            self.taken += len(times[rows])
            self._start = rows.stop
            if self._start == len(times):
                self._waiting.pop(0)
                self._start = 0
        count = int(np.searchsorted(self._labels.arrivals, end))
        labels, self._labels = self._labels.rows(slice(0, count)), self._labels.rows(slice(count, None))
        self.taken += count
        return predictions, labels

    def _read(self, stream: _Stream) -> bool:
        chunk = stream.read()
        if chunk is None:
            return False
        self.rows += chunk.rows
        if chunk.predictions is not None and len(chunk.times):
            self._waiting.append((chunk.predictions, chunk.times))
        if len(chunk.labels):
            self._labels = self._labels.merged(chunk.labels)
        return True


class _Stream:
    """Files one after the other; ``reached`` is the time up to which all of their events have been read."""

    def __init__(self, files: Sequence[File], tolerance: float, *, labels_only: bool) -> None:
        self._files = list(files)
        self._tolerance = tolerance
        self._labels_only = labels_only
        self._latest = -np.inf

    @property
    def done(self) -> bool:
        return not self._files

    @property
    def reached(self) -> float:
        return self._latest if self._files else np.inf

    def read(self) -> Chunk | None:
        """Return the next chunk, its arrivals in order; None once there is no more."""
        while self._files:
            file = self._files[0]
            chunk = next(file.chunks, None)
            if chunk is None:
                self._files.pop(0)
                continue
            if self._labels_only and chunk.predictions is not None:
                raise EventsError(
                    f"{file.name}: begins with labels alone, then has predictions; give them as files of their own"
                )
            if self._labels_only:
                chunk.labels.arrivals = self._in_order(chunk.labels.arrivals, file.name)
            else:
                chunk.times = self._in_order(chunk.times, file.name)
            return chunk
        return None

    def _in_order(self, times: FloatArray, name: str) -> FloatArray:
        if not len(times):
            return times
        latest = np.maximum.accumulate(np.maximum(times, self._latest))
        behind = latest - times
        if behind.max() > self._tolerance:
            worst = int(np.argmax(behind > self._tolerance))
            raise EventsError(
                f"{name}: must be in the order of time, but an event of {moment(times[worst])} comes after one of"
                f" {moment(latest[worst])}; sort it first"
            )
        self._latest = float(latest[-1])
        return latest


def rows_of(batch: Predictions, rows: slice | BoolArray) -> Predictions:
    """Return the rows of a slice, or those where a mask is true."""
    versions = batch.versions
    if len(versions) > 1:
        versions = versions[rows] if isinstance(rows, slice) else list(compress(versions, rows))
    return replace(
        batch,
        columns=batch.columns.take(rows),
        hashes=batch.hashes[rows],
        identified=batch.identified[rows],
        versions=versions,
    )


def moment(seconds: float) -> str:
    """Return a time as people read it."""
    return datetime.fromtimestamp(float(seconds), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
