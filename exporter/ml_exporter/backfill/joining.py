"""Which recorded predictions count, and which labels join them, in the order of time: all but the sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from ml_exporter.app.runtime import ModelRuntime
from ml_exporter.backfill.events import Labels
from ml_exporter.backfill.feed import Feed, moment, rows_of
from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.columns import OutcomeColumns, PairColumns, PredictionColumns
from ml_exporter.core.errors import EventsError
from ml_exporter.core.schema import ModelSchema
from ml_exporter.ingest.assemble import Predictions
from ml_exporter.state.model import Delta
from ml_exporter.state.ring import Window
from ml_exporter.sums.layout import Sums
from ml_exporter.sums.tally import Tallies

LONGEST_GAP: Final = 366 * 86_400.0
"""Seconds without an event that a history may have at most (chosen)."""

_ROWS: Final = 20_000
_STEPS: Final = 200
"""After how many rows and steps they are handed on (chosen: few enough to be soon there, and small)."""


Arrived = tuple[Predictions, FloatArray]
"""Predictions with their times of arrival, (rows,)."""


@dataclass(slots=True)
class VersionRows:
    """Which rows of its :class:`Steps` a version counts in a step, and the times of the last of each kind."""

    predictions: list[slice]
    outcomes: list[slice]
    pairs: list[slice]
    last_prediction: float
    last_label: float


@dataclass(slots=True)
class Step:
    """What came between two moments, or a moment at which the sums are looked at.

    ``first`` and ``last`` are the times of the first and the last event, both the moment if it is one; ``counts``
    what became of labels and ids.
    """

    first: float
    last: float
    is_moment: bool
    versions: dict[str, VersionRows]
    counts: Counter[str]


@dataclass(slots=True)
class Steps:
    """Some steps with the rows of each version; ``read`` and ``taken`` count what was read and taken so far."""

    steps: list[Step] = field(default_factory=list)
    predictions: dict[str, PredictionColumns] = field(default_factory=dict)
    outcomes: dict[str, OutcomeColumns] = field(default_factory=dict)
    pairs: dict[str, PairColumns] = field(default_factory=dict)
    read: int = 0
    taken: int = 0


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


class Joining:
    """Takes the events of a feed as the live engine takes what it is sent, each at its own time."""

    def __init__(self, model: ModelRuntime, feed: Feed, interval: int) -> None:
        recorder = _Recorder(model.setup.events)
        recording = replace(model, own=replace(model.own, tallies=recorder), versions={}, join_directory=None)
        self._state = recording.begin()
        self._windows = model.windows
        self._feed = feed
        self._interval = interval

    def steps(self) -> Iterator[Steps]:
        """Yield the steps, with a moment at each multiple of the interval up to the first after the last event."""
        gathered = _Gathered()
        first = self._feed.first
        time = 0 if np.isinf(first) else int(first // self._interval) * self._interval
        while not np.isinf(self._feed.first):
            self._check_gap(time)
            for edge in edges(self._windows, self._interval, time, time + self._interval):
                self._count(edge, gathered)
            time += self._interval
            self._state.expire(time)
            gathered.add(Step(time, time, True, {}, self._counted(time)), {})
            if gathered.is_full:
                yield gathered.steps(self._feed)
                gathered = _Gathered()
        yield gathered.steps(self._feed)

    def _check_gap(self, time: int) -> None:
        """Refuse to write years of nothing for an event whose time is most likely wrong."""
        following = self._feed.first
        if self._feed.taken and following - time > LONGEST_GAP:
            days = int((following - time) / 86_400)
            raise EventsError(
                f"the event of {moment(following)} comes {days:,} days after the one before it: leave out the one"
                " whose time is wrong, or give them to runs of their own"
            )

    def _count(self, end: int, gathered: _Gathered) -> None:
        predictions, labels = self._feed.until(end)
        state = self._state
        answers: list[Arrived] = []
        if state.shadows and len(labels):
            predictions, answers = _parted(predictions, labels, state.shadows)
        times = self._predict(predictions)
        if len(labels):
            times += (float(labels.arrivals[0]), float(labels.arrivals[-1]))
            state.count_labels(labels.hashes, labels.times, labels.values, times[-1], times[-1])
        times += self._predict(answers)
        if times:
            state.expire(max(times))
            deltas = dict(state.deltas)
            gathered.add(Step(min(times), max(times), False, {}, self._counted(max(times))), deltas)
            state.join.changes()
            state.dropped_versions()

    def _predict(self, predictions: list[Arrived]) -> list[float]:
        """Count predictions; return the times of the first and the last of each batch."""
        times: list[float] = []
        for batch, arrivals in predictions:
            times += (float(arrivals[0]), float(arrivals[-1]))
            self._state.count_predictions(
                batch.columns, batch.hashes, batch.identified, batch.versions, times[-1], times[-1]
            )
        return times

    def _counted(self, now: float) -> Counter[str]:
        """Return what became of labels and ids since the last call; what was counted belongs to versions now."""
        counts = Counter(self._state.new_counts)
        self._state.fold(now)
        return counts


def _parted(
    predictions: list[Arrived], labels: Labels, shadows: frozenset[str]
) -> tuple[list[Arrived], list[Arrived]]:
    """Part off what shadows answered after the label of the same id: that label does not wait for them."""
    hashes, first = np.unique(labels.hashes, return_index=True)  # labels are in the order of arrival
    earliest = labels.arrivals[first]
    before: list[Arrived] = []
    after: list[Arrived] = []
    for batch, arrivals in predictions:
        of_shadow = np.array([version in shadows for version in batch.versions])
        places = np.minimum(np.searchsorted(hashes, batch.hashes), len(hashes) - 1)
        late = of_shadow & batch.identified & (hashes[places] == batch.hashes) & (earliest[places] < arrivals)
        for rows, parts in ((~late, before), (late, after)):
            if rows.any():
                parts.append((rows_of(batch, rows), arrivals[rows]))
    return before, after


class _Recorded(Sums):
    """In place of sums, the batches that were added to them."""

    __slots__ = ("outcomes", "pairs", "predictions")

    def __init__(self, tallies: Tallies) -> None:
        super().__init__(tallies.layout)
        self.predictions: list[PredictionColumns] = []
        self.outcomes: list[OutcomeColumns] = []
        self.pairs: list[PairColumns] = []


class _Recorder(Tallies):
    """Tallies of nothing, which remember what they were given."""

    def __init__(self, schema: ModelSchema) -> None:
        super().__init__(schema, (), ())

    def zero(self) -> Sums:
        """Return a place for batches."""
        return _Recorded(self)

    def add_predictions(self, batch: PredictionColumns, sums: Sums) -> None:
        """Remember a batch of predictions."""
        assert isinstance(sums, _Recorded)
        sums.predictions.append(batch)

    def add_outcomes(self, batch: OutcomeColumns, sums: Sums) -> None:
        """Remember a batch of labelled predictions."""
        assert isinstance(sums, _Recorded)
        sums.outcomes.append(batch)

    def add_pairs(self, batch: PairColumns, sums: Sums) -> None:
        """Remember a batch of pairs."""
        assert isinstance(sums, _Recorded)
        sums.pairs.append(batch)


class _Gathered:
    """Steps and the batches of their versions, until they are handed on with one table a version."""

    def __init__(self) -> None:
        self._found = Steps()
        self._predictions: dict[str, list[PredictionColumns]] = {}
        self._outcomes: dict[str, list[OutcomeColumns]] = {}
        self._pairs: dict[str, list[PairColumns]] = {}
        self._ends: Counter[tuple[str, str]] = Counter()

    @property
    def is_full(self) -> bool:
        return len(self._found.steps) >= _STEPS or sum(self._ends.values()) >= _ROWS

    def add(self, step: Step, deltas: dict[str, Delta]) -> None:
        for name, delta in deltas.items():
            assert isinstance(delta.sums, _Recorded)
            self._predictions.setdefault(name, []).extend(delta.sums.predictions)
            self._outcomes.setdefault(name, []).extend(delta.sums.outcomes)
            self._pairs.setdefault(name, []).extend(delta.sums.pairs)
            step.versions[name] = VersionRows(
                [self._place("predictions", name, batch.rows) for batch in delta.sums.predictions],
                [self._place("outcomes", name, batch.rows) for batch in delta.sums.outcomes],
                [self._place("pairs", name, batch.rows) for batch in delta.sums.pairs],
                delta.last_prediction,
                delta.last_label,
            )
        self._found.steps.append(step)

    def _place(self, kind: str, name: str, rows: int) -> slice:
        start = self._ends[kind, name]
        self._ends[kind, name] = start + rows
        return slice(start, start + rows)

    def steps(self, feed: Feed) -> Steps:
        found = self._found
        found.read, found.taken = feed.rows, feed.taken
        found.predictions = {n: PredictionColumns.joined(parts) for n, parts in self._predictions.items() if parts}
        found.outcomes = {n: OutcomeColumns.joined(parts) for n, parts in self._outcomes.items() if parts}
        found.pairs = {n: PairColumns.joined(parts) for n, parts in self._pairs.items() if parts}
        return found
