"""The state of one model: sums of each version since the start and over windows, and its pending labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_intdigest

from ml_exporter.core.arrays import BoolArray, FloatArray, HashArray, IntArray
from ml_exporter.core.columns import FeedbackColumns, OutcomeColumns, PairColumns, PredictionColumns
from ml_exporter.state.join.generation import packed_scores, unpacked_scores
from ml_exporter.state.join.store import OTHER_VERSION, Fate, JoinStore
from ml_exporter.state.ring import Ring, Window
from ml_exporter.sums.layout import Sums
from ml_exporter.sums.tally import Tallies

_OVERFLOW: Final = 1 << 62
_SALT_SEED: Final = 0x5EED

FATES: Final = {Fate.JOINED: "joined", Fate.DUPLICATE: "duplicate", Fate.LATE: "late", Fate.EARLY: "early"}
UNMATCHED: Final = "unmatched"
LABEL_RESULTS: Final = (*FATES.values(), UNMATCHED)
"""What becomes of a label; an early one is counted again as joined or unmatched once that is known."""

FEEDBACK_FATES: Final = {
    Fate.JOINED: "feedback_joined",
    Fate.DUPLICATE: "feedback_duplicate",
    Fate.LATE: "feedback_late",
    Fate.EARLY: "feedback_unmatched",
}

DUPLICATE_PREDICTION: Final = "duplicate_prediction"
EVICTED: Final = "evicted"


@dataclass(slots=True)
class Delta:
    """What was counted for one version since the last tick, not yet in any sum that is exposed."""

    sums: Sums
    last_prediction: float = np.nan
    last_label: float = np.nan


class VersionState:
    """The sums of one model version."""

    def __init__(self, tallies: Tallies, windows: Sequence[Window]) -> None:
        self.total = tallies.zero()
        self.rings = [Ring(window, tallies.layout) for window in windows]
        self.last_prediction = np.nan
        self.last_label = np.nan
        self.touched = -np.inf
        self.revision = 0

    def fold(self, now: float, vector: IntArray, last_prediction: float, last_label: float) -> None:
        """Add what was counted up to ``now`` (steady time) to the totals and the windows."""
        self.total.add(vector)
        if max(int(self.total.vector.max(initial=0)), -int(self.total.vector.min(initial=0))) > _OVERFLOW:
            # A counter reset, which every reader of counters knows how to take.
            self.total.clear()
            self.total.add(vector)
        for ring in self.rings:
            ring.add(now, vector)
        self.touched = now
        self.revision += 1
        if not np.isnan(last_prediction):
            self.last_prediction = last_prediction
        if not np.isnan(last_label):
            self.last_label = last_label

    def advance(self, now: float) -> None:
        """Let the windows slide to ``now``."""
        moved = [ring.advance(now) for ring in self.rings]
        if any(moved):
            self.revision += 1

    def rewindow(self, tallies: Tallies, windows: Sequence[Window]) -> None:
        """Keep the windows that stay, drop those that go, begin new ones empty."""
        kept = {ring.window: ring for ring in self.rings}
        self.rings = [kept.get(window) or Ring(window, tallies.layout) for window in windows]
        self.revision += 1


@dataclass
class ModelState:
    """All versions of one model, and what was counted since the last tick.

    Counting goes into deltas; :meth:`fold` moves them into the sums. Between the two the deltas are
    written to the journal, so that no number is ever exposed that a restart would lose. ``tallies`` returns
    those of a version. ``shadows`` are versions whose predictions have the ids of those of another one: they are
    kept under ids of their own, labels are joined to both, and the two are compared. ``named`` versions have their
    places whether they have come or not.
    """

    tallies: Callable[[str], Tallies]
    windows: Sequence[Window]
    join: JoinStore
    max_versions: int
    default_version: str
    shadows: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    versions: dict[str, VersionState] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    deltas: dict[str, Delta] = field(default_factory=dict)
    new_counts: Counter[str] = field(default_factory=Counter)
    _dropped: list[str] = field(default_factory=list)

    def count_predictions(
        self,
        batch: PredictionColumns,
        hashes: HashArray,
        identified: BoolArray,
        versions: Sequence[str],
        now: float,
        wall: float,
    ) -> None:
        """Count a batch of predictions, ids seen before left out.

        ``hashes`` (rows,) are those of the ids where ``identified``; ``versions`` is one name for each row,
        or a single one for all. ``now`` is steady time, ``wall`` the time of day.
        """
        names = self._admit(versions)
        salts = self._salts(names)
        rows = self._join_rows(batch, hashes if salts is None else hashes ^ salts, names, now)
        again = np.zeros(0, np.int64) if salts is None else self._before_a_shadow(rows, hashes, salts, identified)
        fresh = np.ones(batch.rows, bool)
        fresh[again] = False
        asked = identified & fresh
        known_ids = rows if asked.all() else rows[asked]
        if len(known_ids):
            new = self.join.add_predictions(known_ids, now)
            fresh[np.flatnonzero(asked)[~new]] = False
        if not fresh.all():
            self.new_counts[DUPLICATE_PREDICTION] += batch.rows - int(np.count_nonzero(fresh))
        counted = batch if fresh.all() else batch.take(fresh)
        for name, mask in _by_name(names, fresh):
            delta = self.delta(name)
            self.tallies(name).add_predictions(counted if mask is None else counted.take(mask), delta.sums)
            delta.last_prediction = wall
        if self.shadows and len(known_ids):
            self._count_pairs(rows, hashes, salts, fresh & identified)
        if self.join.early:
            joined = self.join.take_early(rows[fresh & identified])
            if joined is not None:
                self._count_outcomes(joined.rows, joined.labels, joined.times, wall)

    def count_labels(
        self, hashes: HashArray, times: FloatArray, labels: FloatArray, now: float, wall: float
    ) -> None:
        """Join labels to their predictions and count the outcomes; each array is (labels,)."""
        fates, joined = self.join.add_labels(hashes, times, labels, now)
        for fate, count in enumerate(np.bincount(fates).tolist()):
            if count:
                self.new_counts[FATES[Fate(fate)]] += count
        if len(joined.rows):
            self._count_outcomes(joined.rows, joined.labels, joined.times, wall, counted=True)
        for name in self.shadows:
            beside = self.join.add_labels_again(hashes ^ _salt(name), times, labels, now)
            if len(beside.rows):
                self._count_outcomes(beside.rows, beside.labels, beside.times, wall, counted=True)

    def count_feedback(self, hashes: HashArray, batch: FeedbackColumns, now: float) -> None:
        """Join feedback to its predictions and count it; ``hashes`` (rows,) are those of the ids."""
        fates, places, rows = self.join.add_feedback(hashes, now)
        for fate, count in enumerate(np.bincount(fates).tolist()):
            if count:
                self.new_counts[FEEDBACK_FATES[Fate(fate)]] += count
        joined = batch.take(places)
        for name, mask in self._by_version(rows["version"]):
            self.tallies(name).add_feedback(joined.take(mask), self.delta(name).sums)

    def expire(self, now: float) -> None:
        """Let windows slide to ``now``, forget old ids, and drop versions that are gone from every window."""
        unmatched = self.join.expire(now)
        if unmatched:
            self.new_counts[UNMATCHED] += unmatched
        if self.join.evicted:
            self.new_counts[EVICTED] += self.join.evicted
            self.join.evicted = 0
        longest = max(window.length for window in self.windows)
        for name, version in list(self.versions.items()):
            version.advance(now)
            idle = now - version.touched > longest and name not in self.deltas
            if idle and name != self.default_version and name not in self.named:
                self.drop_version(name)

    def drop_version(self, name: str) -> None:
        """Forget the sums of a version."""
        del self.versions[name]
        self._dropped.append(name)

    def dropped_versions(self) -> list[str]:
        """Return the versions that were dropped since the last call."""
        dropped, self._dropped = self._dropped, []
        return dropped

    def fold(self, now: float) -> None:
        """Move the deltas into the sums."""
        for name, delta in self.deltas.items():
            self.version(name).fold(now, delta.sums.vector, delta.last_prediction, delta.last_label)
        self.deltas.clear()
        self.counts.update(self.new_counts)
        self.new_counts.clear()

    def __post_init__(self) -> None:
        self.begin_named()

    def begin_named(self) -> None:
        """Begin the versions that are configured: one that never comes is seen to have no predictions."""
        for name in (self.default_version, *sorted(self.named)):
            self.version(name)

    def clear(self) -> None:
        """Forget everything."""
        self.versions.clear()
        self.counts.clear()
        self.deltas.clear()
        self.new_counts.clear()
        self.join.clear()
        self.begin_named()

    def version(self, name: str) -> VersionState:
        """Return the sums of a version, made at its first event unless it is configured."""
        if name not in self.versions:
            self.versions[name] = VersionState(self.tallies(name), self.windows)
        return self.versions[name]

    def delta(self, version: str) -> Delta:
        """Return what was counted for a version since the last fold, to which more is added."""
        if version not in self.deltas:
            self.deltas[version] = Delta(self.tallies(version).zero())
        return self.deltas[version]

    def _admit(self, versions: Sequence[str]) -> list[str]:
        """Return the names under which versions count: their own, or ``other`` once there are too many."""
        known = self.versions.keys() | self.deltas.keys()
        shown: dict[str, str] = {}
        for name in dict.fromkeys(versions):
            if name not in known and len(known) >= self.max_versions:
                shown[name] = OTHER_VERSION
            else:
                shown[name] = name
                known = known | {name}
        return [shown[name] for name in versions]

    def _salts(self, names: list[str]) -> HashArray | None:
        """Return what tells the ids of shadows from those of others, (rows,) or (1,); None if there are none."""
        if self.shadows.isdisjoint(names):
            return None
        return np.array([_salt(name) if name in self.shadows else 0 for name in names], np.uint64)

    def _before_a_shadow(
        self, rows: npt.NDArray[Any], hashes: HashArray, salts: HashArray, identified: BoolArray
    ) -> IntArray:
        """Return the places of the rows whose version, a shadow now, answered their ids when it was none."""
        of_shadow = np.flatnonzero(identified & (salts != 0))
        places, earlier = self.join.find(hashes[of_shadow])
        found: IntArray = of_shadow[places]
        again: IntArray = found[earlier["version"] == rows["version"][found]]
        return again

    def _count_pairs(
        self, rows: npt.NDArray[Any], hashes: HashArray, salts: HashArray | None, fresh: BoolArray
    ) -> None:
        """Compare new predictions of shadows with those at work, and new ones of these with those of shadows."""
        of_shadow = np.zeros(len(rows), bool) if salts is None else np.broadcast_to(salts != 0, len(rows))
        shadow = np.flatnonzero(fresh & of_shadow)
        places, working = self.join.find(hashes[shadow])
        # What is a shadow now may have been at work when it answered.
        at_work = ~np.isin(working["version"], [self.join.version_number(name) for name in self.shadows])
        self._add_pairs(rows[shadow[places[at_work]]], working[at_work])
        others = np.flatnonzero(fresh & ~of_shadow)
        for name in self.shadows:
            keys = hashes[others] ^ _salt(name)
            earlier = np.flatnonzero(~np.isin(keys, rows["hash"][shadow]))
            places, of_id = self.join.find(keys[earlier])
            self._add_pairs(of_id, rows[others[earlier[places]]])

    def _add_pairs(self, shadow: npt.NDArray[Any], working: npt.NDArray[Any]) -> None:
        if not len(shadow):
            return
        for name, mask in self._by_version(shadow["version"]):
            if name not in self.shadows:
                continue
            pairs = PairColumns(
                output=shadow["value"][mask],
                predicted=shadow["predicted"][mask].astype(np.int32) - 1,
                working_output=working["value"][mask],
                working_predicted=working["predicted"][mask].astype(np.int32) - 1,
            )
            self.tallies(name).add_pairs(pairs, self.delta(name).sums)

    def _join_rows(
        self, batch: PredictionColumns, hashes: HashArray, names: list[str], now: float
    ) -> npt.NDArray[Any]:
        rows = np.zeros(batch.rows, self.join.dtype)
        rows["hash"] = hashes
        rows["value"] = batch.output
        rows["time"] = np.where(np.isnan(batch.timestamp), now, batch.timestamp)
        numbers = {name: self.join.version_number(name) for name in dict.fromkeys(names)}
        rows["version"] = [numbers[name] for name in names] if len(names) > 1 else numbers[names[0]]
        rows["predicted"] = batch.predicted + 1
        if "scores" in (self.join.dtype.names or ()):
            rows["scores"] = 0 if batch.class_scores is None else packed_scores(batch.class_scores.T)
        if batch.segments is not None:
            rows["segments"] = batch.segments.T
        return rows

    def _count_outcomes(
        self, rows: npt.NDArray[Any], labels: FloatArray, times: FloatArray, wall: float, *, counted: bool = False
    ) -> None:
        if not counted:
            self.new_counts[FATES[Fate.JOINED]] += len(rows)
        scores = unpacked_scores(rows["scores"].T) if "scores" in (rows.dtype.names or ()) else None
        batch = OutcomeColumns(
            output=rows["value"].copy(),
            predicted=rows["predicted"].astype(np.int32) - 1,
            class_scores=scores,
            label=labels,
            delay=np.maximum(times - rows["time"], 0.0),
            segments=rows["segments"].T.astype(np.int32) if "segments" in (rows.dtype.names or ()) else None,
        )
        for name, mask in self._by_version(rows["version"]):
            delta = self.delta(name)
            self.tallies(name).add_outcomes(batch if mask.all() else batch.take(mask), delta.sums)
            delta.last_label = wall

    def _by_version(self, numbers: npt.NDArray[Any]) -> Iterator[tuple[str, BoolArray]]:
        """Yield the name of each version among joined rows, and the mask of its rows."""
        for number in np.flatnonzero(np.bincount(numbers)).tolist():
            (name,) = self._admit([self.join.versions[number]])
            yield name, numbers == number


@cache
def _salt(version: str) -> np.uint64:
    """Return what the hashes of a shadow's ids are combined with; never 0."""
    return np.uint64(xxh3_64_intdigest(version.encode("utf-8", "surrogatepass"), _SALT_SEED) | 1)


def _by_name(names: list[str], fresh: BoolArray) -> Iterator[tuple[str, BoolArray | None]]:
    """Yield each name with the mask of its rows among the fresh ones; None where it has all of them."""
    distinct = list(dict.fromkeys(names))
    if not fresh.any():
        return
    if len(distinct) == 1:
        yield distinct[0], None
        return
    array = np.array(names, object)[fresh]
    for name in distinct:
        mask = array == name
        if mask.any():
            yield name, mask
