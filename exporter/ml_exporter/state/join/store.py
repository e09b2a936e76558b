"""The predictions of one model that wait for their labels, and every id seen within the horizon."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml_exporter.core.arrays import BoolArray, FloatArray, HashArray, IntArray
from ml_exporter.state.join.early import EarlyLabels
from ml_exporter.state.join.generation import Generation, Marks, row_type
from ml_exporter.state.journal import private, sync_folder

GENERATIONS: Final = 4
"""Sealed stretches of time kept beside the open one; each spans a quarter of the horizon."""

VERSIONS: Final = 65_000
OTHER_VERSION: Final = "other"
"""Name under which versions count once there are too many."""


class Fate(IntEnum):
    """What became of a label, or of feedback, which does not wait for its prediction."""

    JOINED = 0
    DUPLICATE = 1
    LATE = 2
    EARLY = 3


_JOINED, _DUPLICATE, _LATE, _EARLY = (int(fate) for fate in Fate)  # numpy takes an enum's members slowly


@dataclass(frozen=True, slots=True)
class Joined:
    """Labels that found their prediction: the rows of the predictions, and what the labels said."""

    rows: npt.NDArray[Any]
    labels: FloatArray
    times: FloatArray


@dataclass(frozen=True, slots=True)
class JoinChanges:
    """What must be written for the store to be restored: rows are in the files, the rest is here."""

    generations: list[tuple[int, float, float | None, int]]
    marks: list[tuple[int, IntArray]]
    early_added: tuple[HashArray, FloatArray]
    early_removed: HashArray
    versions: list[str]
    rated: list[tuple[int, IntArray]] = field(default_factory=list)


class JoinStore:
    """Finds the prediction of a label, and the prediction that was seen before.

    An id is known from its prediction until ``horizon`` seconds later, or until ``capacity`` newer ones
    have come. The first label of an id counts, any further one is a duplicate; so does its first feedback. Without
    a directory nothing survives the process. Not thread-safe: the one writer owns it.
    """

    def __init__(
        self, directory: Path | None, horizon: float, capacity: int, scored_classes: int = 0, segments: int = 0
    ) -> None:
        self.horizon = horizon
        self.capacity = capacity
        self.dtype = row_type(scored_classes, segments)
        self.versions: list[str] = []
        self.evicted = 0
        self._directory = directory
        self._early = EarlyLabels()
        self._generations: list[Generation] = []
        self._next = 0
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)

    @property
    def ids(self) -> int:
        """The number of ids known."""
        return sum(generation.count for generation in self._generations)

    @property
    def pending(self) -> int:
        """The number of predictions that wait for their label."""
        return sum(generation.unlabelled for generation in self._generations)

    @property
    def early(self) -> int:
        """The number of labels that wait for their prediction."""
        return len(self._early)

    def version_number(self, name: str) -> int:
        """Return the number that stands for a version in the rows."""
        if name not in self.versions:
            if len(self.versions) >= VERSIONS:
                name = OTHER_VERSION
            if name not in self.versions:
                self.versions.append(name)
        return self.versions.index(name)

    def add_predictions(self, rows: npt.NDArray[Any], now: float) -> BoolArray:
        """Add predictions, (n,) of :attr:`dtype`; return which of them were not known yet."""
        hashes = rows["hash"]
        fresh = _first(hashes)
        for generation in reversed(self._generations):
            fresh &= generation.find(hashes) < 0
        new = rows[fresh]
        while len(new):
            generation = self._open(now)
            room = max(self.capacity // GENERATIONS, 1) - generation.count
            generation.append(new[:room])
            new = new[room:]
        return fresh

    def take_early(self, rows: npt.NDArray[Any]) -> Joined | None:
        """Return the labels that waited for these predictions, which :meth:`add_predictions` took in."""
        taken = self._early.take(rows["hash"])
        if not taken:
            return None
        places = np.array([place for place, _, _ in taken], np.int64)
        joined = rows[places]
        self._mark(joined["hash"])
        return Joined(joined, np.array([label for _, _, label in taken]), np.array([time for _, time, _ in taken]))

    def find(self, hashes: HashArray) -> tuple[IntArray, npt.NDArray[Any]]:
        """Return the places of the hashes, (n,), that are known, and their rows."""
        places = np.zeros(0, np.int64)
        rows: list[npt.NDArray[Any]] = [np.zeros(0, self.dtype)]
        todo = np.arange(len(hashes))
        for generation in reversed(self._generations):
            found = generation.find(hashes[todo])
            is_here = found >= 0
            rows.append(generation.rows(found[is_here]))
            places, todo = np.concatenate((places, todo[is_here])), todo[~is_here]
        return places, np.concatenate(rows)

    def add_labels_again(self, hashes: HashArray, times: FloatArray, labels: FloatArray, now: float) -> Joined:
        """Join labels to other predictions than those they came for; one without such a prediction is not kept."""
        _, places, rows = self._join(hashes, now, lambda generation: generation.labelled)
        return Joined(rows, labels[places], times[places])

    def add_labels(
        self, hashes: HashArray, times: FloatArray, labels: FloatArray, now: float
    ) -> tuple[npt.NDArray[np.int8], Joined]:
        """Join labels, each array (n,); return the fate of each, (n,), and those that found a prediction.

        ``times`` are those of the labels, in seconds since the Unix epoch; a label is late if its
        prediction is older than the horizon at ``now``.
        """
        fates, places, rows = self._join(hashes, now, lambda generation: generation.labelled)
        for place in np.flatnonzero(fates == _EARLY).tolist():
            key = int(hashes[place])
            if key in self._early:
                fates[place] = _DUPLICATE
            else:
                self._early.add(key, now, float(times[place]), float(labels[place]))
        return fates, Joined(rows, labels[places], times[places])

    def add_feedback(
        self, hashes: HashArray, now: float
    ) -> tuple[npt.NDArray[np.int8], IntArray, npt.NDArray[Any]]:
        """Join feedback, (n,); return the fate of each, (n,), the places of those joined, and their rows.

        Early is what names an unknown id: it is not kept, and has the same fate however often it comes.
        """
        fates, places, rows = self._join(hashes, now, lambda generation: generation.rated)
        _, first, of = np.unique(hashes, return_index=True, return_inverse=True)
        fate_of_first = fates[first][of]
        return np.where(fate_of_first == _JOINED, fates, fate_of_first), places, rows

    def _join(
        self, hashes: HashArray, now: float, marks_of: Callable[[Generation], Marks]
    ) -> tuple[npt.NDArray[np.int8], IntArray, npt.NDArray[Any]]:
        """Mark the rows of the hashes; return all fates (early: no row), who was joined, and to what."""
        fates = np.full(len(hashes), _EARLY, np.int8)
        first = _first(hashes)
        fates[~first] = _DUPLICATE
        todo = first.nonzero()[0]
        joined: list[npt.NDArray[Any]] = []
        places: list[IntArray] = []
        marked: list[tuple[Generation, IntArray]] = []
        for generation in reversed(self._generations):
            if not len(todo):
                break
            found = generation.find(hashes[todo])
            is_here = found >= 0
            here, found, todo = todo[is_here], found[is_here], todo[~is_here]
            if not len(here):
                continue
            rows, had = generation.rows(found), marks_of(generation).of(found)
            # A prediction cannot have come before its generation was opened, whatever its own time says.
            late = ~had & (np.maximum(rows["time"], generation.opened) < now - self.horizon)
            good = ~(had | late)
            fates[here] = np.where(had, _DUPLICATE, np.where(late, _LATE, _JOINED))
            marked.append((generation, found[good]))
            joined.append(rows[good])
            places.append(here[good])
        for generation, rows in marked:  # once all were read: what cannot be counted is not marked either
            marks_of(generation).add(rows, generation.room)
        return (
            fates,
            np.concatenate(places) if places else np.zeros(0, np.int64),
            np.concatenate(joined) if joined else np.zeros(0, self.dtype),
        )

    def expire(self, now: float) -> int:
        """Forget what is older than the horizon; return how many early labels stay unmatched."""
        limit = now - 1.25 * self.horizon
        kept = [generation for generation in self._generations if (generation.closed or now) >= limit]
        self._generations = kept
        if kept and kept[-1].closed is None and now - kept[-1].opened >= self.horizon / GENERATIONS:
            kept[-1].seal(now, self._path(kept[-1].number))
        return self._early.expire(now)

    def save(self) -> None:
        """Write the rows that are not in their files yet, and see them to the disk; OSError if it fails."""
        if self._directory is None:
            return
        for generation in self._generations:
            if generation.saved == generation.count:
                continue
            path = self._path(generation.number)
            assert path is not None
            is_new = not path.exists()
            with open(path, "w+b" if is_new else "r+b", opener=private) as file:
                file.seek(generation.saved * self.dtype.itemsize)
                file.write(generation.unsaved())
                file.flush()
                os.fdatasync(file.fileno())
            if is_new:
                sync_folder(path)
            generation.saved = generation.count
            if generation.closed is not None:
                generation.read_from(path)

    def changes(self) -> JoinChanges:
        """Return what happened since the last call, beyond the rows that :meth:`save` writes."""
        added, values, removed = self._early.changes()
        changes = JoinChanges(
            generations=self._listing(),
            marks=[(g.number, np.concatenate(g.labelled.new)) for g in self._generations if g.labelled.new],
            early_added=(added, values),
            early_removed=removed,
            versions=list(self.versions),
            rated=[(g.number, np.concatenate(g.rated.new)) for g in self._generations if g.rated.new],
        )
        for generation in self._generations:
            generation.labelled.new, generation.rated.new = [], []
        return changes

    def dump(self) -> tuple[JoinChanges, dict[int, bytes], dict[int, bytes]]:
        """Return the whole store beyond its rows: as changes from nothing, and the marks of each generation.

        First those of labels, then those of feedback, of the generations that have any.
        """
        hashes, values = self._early.dump()
        none = np.zeros(0, np.uint64)
        whole = JoinChanges(self._listing(), [], (hashes, values), none, list(self.versions))
        labelled = {g.number: g.labelled.bits(g.count) for g in self._generations}
        return whole, labelled, {g.number: g.rated.bits(g.count) for g in self._generations if g.rated.count}

    def restore(
        self,
        bits: Mapping[int, bytes],
        changes: Iterable[JoinChanges],
        rated_bits: Mapping[int, bytes] = MappingProxyType({}),
    ) -> None:
        """Rebuild the store of an earlier run: the last listing of generations counts, marks add up.

        OSError or ValueError if a file is missing or shorter than it was written. A store without a directory
        stays empty.
        """
        if self._directory is None:
            return
        marks: dict[int, list[IntArray]] = {}
        rated: dict[int, list[IntArray]] = {}
        listing: list[tuple[int, float, float | None, int]] = []
        for change in changes:
            listing, self.versions = change.generations, list(change.versions)
            for number, rows in change.marks:
                marks.setdefault(number, []).append(rows)
            for number, rows in change.rated:
                rated.setdefault(number, []).append(rows)
            self._early.restore(*change.early_added, change.early_removed)
        for number, opened, closed, count in listing:
            path = self._path(number)
            assert path is not None
            generation = Generation.load(number, opened, path, count, self.dtype)
            for kept, saved, later in (
                (generation.labelled, bits, marks),
                (generation.rated, rated_bits, rated),
            ):
                if number in saved:
                    kept.restore(saved[number], count, generation.room)
                for rows in later.get(number, []):
                    kept.add(rows, generation.room)
                kept.new = []
            if closed is not None:
                generation.seal(closed, path)
            self._generations.append(generation)
            self._next = max(self._next, number + 1)
        self._early.changes()

    def clear(self) -> None:
        """Forget everything."""
        self._generations = []
        self._early = EarlyLabels()
        self.versions = []

    def tidy(self) -> None:
        """Delete the files of rows that are forgotten; call it once the state on disk does not name them."""
        if self._directory is None:
            return
        known = {generation.number for generation in self._generations}
        for path in self._directory.glob("*.rows"):
            if not path.stem.isdigit() or int(path.stem) not in known:
                path.unlink(missing_ok=True)

    def _listing(self) -> list[tuple[int, float, float | None, int]]:
        return [(g.number, g.opened, g.closed, g.count) for g in self._generations]

    def _open(self, now: float) -> Generation:
        """Return the generation that takes new rows, after a full one has been sealed."""
        last = self._generations[-1] if self._generations else None
        if last is not None and last.closed is None:
            if last.count < max(self.capacity // GENERATIONS, 1):
                return last
            last.seal(now, self._path(last.number))
        while len(self._generations) > GENERATIONS:
            oldest = self._generations.pop(0)
            if (oldest.closed or now) > now - self.horizon:
                self.evicted += oldest.unlabelled
        self._generations.append(Generation.empty(self._next, now, self.dtype))
        self._next += 1
        return self._generations[-1]

    def _mark(self, hashes: HashArray) -> None:
        for generation in reversed(self._generations):
            found = generation.find(hashes)
            generation.labelled.add(found[found >= 0], generation.room)
            hashes = hashes[found < 0]

    def _path(self, number: int) -> Path | None:
        return None if self._directory is None else self._directory / f"{number:08d}.rows"


def _first(hashes: HashArray) -> BoolArray:
    """Return which of the hashes, (n,), are not a repetition of an earlier one."""
    ordered = np.sort(hashes)
    if (ordered[1:] != ordered[:-1]).all():
        return np.ones(len(hashes), bool)
    first = np.zeros(len(hashes), bool)
    first[np.unique(hashes, return_index=True)[1]] = True
    return first
