"""The sums of a model at moments of the past: what the one writer would have published then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml_exporter.app.runtime import ModelRuntime
from ml_exporter.backfill.feed import Feed, moment
from ml_exporter.core.arrays import IntArray
from ml_exporter.core.errors import EventsError
from ml_exporter.signals.performance.trail import trail_of
from ml_exporter.signals.signal import Trail
from ml_exporter.state.ring import Window

LONGEST_GAP: Final = 366 * 86_400.0
"""Seconds without an event that a history may have at most (chosen)."""


@dataclass(slots=True)
class VersionSums:
    """The sums of one version: since the start; of each window with the time of its first event and its trail."""

    total: IntArray
    windows: list[tuple[IntArray, float, Trail]]
    last_prediction: float
    last_label: float


@dataclass(slots=True)
class Snapshot:
    """A model at ``time``: the sums of its versions, and what became of its labels and ids."""

    time: int
    versions: dict[str, VersionSums]
    counts: Counter[str]


def edges(windows: Sequence[Window], interval: int, start: int, end: int) -> list[int]:
    """Return the times after ``start``, up to ``end``, at which events must be told apart from those before.

    They are ``end``, and the beginnings of the oldest slices of the windows that are ever looked at: a window
    drops whole slices, and is looked at once an ``interval``.

    >>> edges([Window.of("1h"), Window.of("24h")], 3600, 7200, 10800)
    [7320, 10800]
    """
    found = {end}
    for window in windows:
        slices = np.arange(start // window.width + 1, end // window.width + 1) * window.width
        newest = slices + window.length - window.width
        looked_at = -(-newest // interval) * interval < newest + window.width
        found.update(slices[looked_at].tolist())
    return sorted(found)


class Replay:
    """Counts the events of a feed as the live engine counts what it is sent, each at its own time."""

    def __init__(self, model: ModelRuntime, feed: Feed, interval: int) -> None:
        model.join_directory = None
        self._state = model.begin()
        self._windows = model.windows
        self._feed = feed
        self._interval = interval

    def snapshots(self) -> Iterator[Snapshot]:
        """Yield a snapshot at each multiple of the interval, from the first event to the first after the last."""
        first = self._feed.first
        if np.isinf(first):
            return
        time = int(first // self._interval) * self._interval
        while not np.isinf(self._feed.first):
            self._check_gap(time)
            for edge in edges(self._windows, self._interval, time, time + self._interval):
                self._count(edge)
            time += self._interval
            yield self._snapshot(time)

    def _check_gap(self, time: int) -> None:
        """Refuse to write years of nothing for an event whose time is most likely wrong."""
        following = self._feed.first
        if self._feed.taken and following - time > LONGEST_GAP:
            days = int((following - time) / 86_400)
            raise EventsError(
                f"the event of {moment(following)} comes {days:,} days after the one before it: leave out the one"
                " whose time is wrong, or give them to runs of their own"
            )

    def _count(self, end: int) -> None:
        predictions, labels = self._feed.until(end)
        state = self._state
        times: list[float] = []
        for batch, arrivals in predictions:
            times += (float(arrivals[0]), float(arrivals[-1]))
            state.count_predictions(
                batch.columns, batch.hashes, batch.identified, batch.versions, times[-1], times[-1]
            )
        if len(labels):
            times += (float(labels.arrivals[0]), float(labels.arrivals[-1]))
            state.count_labels(labels.hashes, labels.times, labels.values, times[-1], times[-1])
        if times:
            state.expire(max(times))
            state.fold(max(times))
            self._begin_slices(min(times), max(times))
            state.join.changes()
            state.dropped_versions()

    def _begin_slices(self, first: float, last: float) -> None:
        """Let slices that began with what was folded at ``last`` begin at its ``first`` event.

        It may be another version's, or a label without a prediction: a window then begins too early, by an
        interval at most.
        """
        for version in self._state.versions.values():
            for ring in version.rings:
                if ring.slices and ring.slices[-1].first == last:
                    ring.slices[-1].first = first

    def _snapshot(self, time: int) -> Snapshot:
        state = self._state
        state.expire(time)
        state.fold(time)
        versions = {
            name: VersionSums(
                version.total.vector.copy(),
                [(ring.total.vector.copy(), ring.started, trail_of(ring)) for ring in version.rings],
                version.last_prediction,
                version.last_label,
            )
            for name, version in state.versions.items()
        }
        return Snapshot(time, versions, Counter(state.counts))
