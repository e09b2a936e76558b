"""The sums of a model at moments of the past: what the one writer would have published then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ml_exporter.app.runtime import ModelRuntime
from ml_exporter.backfill.joining import Step, Steps
from ml_exporter.core.arrays import IntArray
from ml_exporter.signals.performance.trail import trail_of
from ml_exporter.signals.signal import Trail


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


class Replay:
    """Counts what was joined as the live engine does, each event at its own time."""

    def __init__(self, model: ModelRuntime) -> None:
        # Ids and labels were seen to before: this state joins nothing.
        self._state = replace(model, join_directory=None).begin()

    def snapshots(self, found: Steps) -> Iterator[Snapshot]:
        """Yield a snapshot at each moment among some steps; all steps are given in order, some at a time."""
        for step in found.steps:
            self._count(step, found)
            if step.is_moment:
                yield self._snapshot(int(step.last))

    def _count(self, step: Step, found: Steps) -> None:
        state = self._state
        for name, rows in step.versions.items():
            delta = state.delta(name)
            for part in rows.predictions:
                state.tallies(name).add_predictions(found.predictions[name].take(part), delta.sums)
            for part in rows.outcomes:
                state.tallies(name).add_outcomes(found.outcomes[name].take(part), delta.sums)
            for part in rows.pairs:
                state.tallies(name).add_pairs(found.pairs[name].take(part), delta.sums)
            delta.last_prediction, delta.last_label = rows.last_prediction, rows.last_label
        state.new_counts.update(step.counts)
        state.expire(step.last)
        state.fold(step.last)
        state.dropped_versions()
        if not step.is_moment:
            self._begin_slices(step.first, step.last)

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
