"""The signals of many moments at once: what the evaluator of the sidecar does for one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ml_exporter.app.evaluation import counts_of, reasons_of
from ml_exporter.app.runtime import ModelRuntime
from ml_exporter.backfill.replay import Snapshot, VersionSums
from ml_exporter.core.metrics import Block, NoData, Rows
from ml_exporter.exposition.history import HistoryText
from ml_exporter.signals import SIGNALS
from ml_exporter.signals.signal import Columns, Samples, Signal, Trail, View, Views
from ml_exporter.sums.layout import Sums

_COUNTING: Final = {signal.key for signal in SIGNALS if type(signal).since_start is not Signal.since_start}


class Evaluation:
    """Turns snapshots of a model into a history."""

    def __init__(self, model: ModelRuntime) -> None:
        self._model = model
        self._baselines: dict[str, list[Block | NoData]] = {}
        self._missing = Rows(())

    def write(self, snapshots: Sequence[Snapshot], text: HistoryText) -> None:
        """Add what each of the snapshots shows to a history."""
        places = text.moments(snapshot.time for snapshot in snapshots)
        gaps: list[list[NoData]] = [[] for _ in snapshots]
        for version in sorted({name for snapshot in snapshots for name in snapshot.versions}):
            there = [place for place, snapshot in enumerate(snapshots) if version in snapshot.versions]
            found = _Found(text, [places[place] for place in there], [gaps[place] for place in there])
            self._version(version, [snapshots[place].versions[version] for place in there], found)
        schema = self._model.context.schema
        for of_each in zip(*(counts_of(schema, snapshot.counts) for snapshot in snapshots), strict=True):
            first, values = of_each[0], np.array([block.values for block in of_each])
            text.add(places, Block(first.metric, first.scope, first.rows, values))
        for place, missing in zip(places, gaps, strict=True):
            if missing:
                told = reasons_of(missing, self._missing)
                self._missing = told.rows
                text.add([place], Block(told.metric, told.scope, told.rows, told.values[None]))

    def _version(self, name: str, sums: Sequence[VersionSums], found: _Found) -> None:
        found.add_constants(self._baseline(name))
        labels = [window.label for window in self._model.windows]
        totals = Views([self._view(name, each, each.total, "", np.nan, ()) for each in sums])
        views = Views(
            [
                self._view(name, each, vector, label, started, trail)
                for each in sums
                for label, (vector, started, trail) in zip(labels, each.windows, strict=True)
            ]
        )
        for signal in SIGNALS:
            if signal.key in _COUNTING:
                found.add(signal.since_starts(totals), 1)
            found.add(signal.over_windows(views), len(labels))

    def _view(
        self, version: str, sums: VersionSums, vector: Any, window: str, started: float, trail: Trail
    ) -> View:
        compared = self._model.of(version)
        whole = Sums(compared.tallies.layout, vector)
        last = (sums.last_prediction, sums.last_label)
        return View(compared.context, version, whole, window, started, *last, lambda: trail)

    def _baseline(self, version: str) -> list[Block | NoData]:
        if version not in self._baselines:
            context = self._model.of(version).context
            samples: list[Samples] = [signal.of_baseline(context, version) for signal in SIGNALS]
            self._baselines[version] = [each for some in samples for each in some]
        return self._baselines[version]


@dataclass(frozen=True, slots=True)
class _Found:
    """Takes what signals yield for some moments: blocks into the text, what is missing into a list of each."""

    text: HistoryText
    places: list[int]
    gaps: list[list[NoData]]

    def add_constants(self, samples: Samples) -> None:
        for sample in samples:
            if isinstance(sample, Block):
                self.text.add_constant(self.places, sample)
            else:
                for gaps in self.gaps:
                    gaps.append(sample)

    def add(self, found: Iterable[Samples], windows: int) -> None:
        """Add the samples of each view: all windows of the first moment, then of the next."""
        if isinstance(found, Columns):
            for metric, rows, values in found.columns:
                for window in range(windows):
                    scope = found.views[window].scope
                    self.text.add(self.places, Block(metric, scope, rows, values[window::windows]))
            return
        for number, samples in enumerate(found):
            place = number // windows
            for sample in samples:
                if isinstance(sample, Block):
                    own = Block(sample.metric, sample.scope, sample.rows, sample.values[None])
                    self.text.add(self.places[place : place + 1], own)
                else:
                    self.gaps[place].append(sample)
