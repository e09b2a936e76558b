"""The signals of many moments at once: what the evaluator of the sidecar does for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_exporter.app.evaluation import NO_DATA, counts_of
from ml_exporter.app.runtime import ModelRuntime
from ml_exporter.backfill.replay import Snapshot, VersionSums
from ml_exporter.core.metrics import Block, NoData, Rows
from ml_exporter.signals import SIGNALS
from ml_exporter.signals.signal import Samples, Trail, View, Views
from ml_exporter.sums.layout import Sums


class Evaluation:
    """Turns snapshots of a model into the blocks of each."""

    def __init__(self, model: ModelRuntime) -> None:
        self._model = model
        self._baselines: dict[str, list[Block | NoData]] = {}
        self._missing = Rows(())

    def blocks(self, snapshots: Sequence[Snapshot]) -> list[list[Block]]:
        """Return the blocks of each snapshot, those of one version and signal next to each other."""
        found: list[list[Block | NoData]] = [[] for _ in snapshots]
        for version in sorted({name for snapshot in snapshots for name in snapshot.versions}):
            there = [place for place, snapshot in enumerate(snapshots) if version in snapshot.versions]
            self._version(
                version, [snapshots[place].versions[version] for place in there], [found[p] for p in there]
            )
        return [
            [*self._shown(samples), *counts_of(self._model.context.schema, snapshot.counts)]
            for samples, snapshot in zip(found, snapshots, strict=True)
        ]

    def _version(self, name: str, sums: Sequence[VersionSums], found: Sequence[list[Block | NoData]]) -> None:
        baseline = self._baseline(name)
        for samples in found:
            samples += baseline
        labels = [window.label for window in self._model.windows]
        totals = [self._view(name, each, each.total, "", np.nan, ()) for each in sums]
        views = Views(
            [
                self._view(name, each, vector, label, started, trail)
                for each in sums
                for label, (vector, started, trail) in zip(labels, each.windows, strict=True)
            ]
        )
        for signal in SIGNALS:
            windows = iter(signal.over_windows(views))
            for total, samples in zip(totals, found, strict=True):
                samples += signal.since_start(total)
                for _ in labels:
                    samples += next(windows)

    def _view(
        self, version: str, sums: VersionSums, vector: Any, window: str, started: float, trail: Trail
    ) -> View:
        whole = Sums(self._model.tallies.layout, vector)
        last = (sums.last_prediction, sums.last_label)
        return View(self._model.context, version, whole, window, started, *last, lambda: trail)

    def _baseline(self, version: str) -> list[Block | NoData]:
        if version not in self._baselines:
            context = self._model.context
            samples: list[Samples] = [signal.of_baseline(context, version) for signal in SIGNALS]
            self._baselines[version] = [each for some in samples for each in some]
        return self._baselines[version]

    def _shown(self, samples: Sequence[Block | NoData]) -> list[Block]:
        blocks = [sample for sample in samples if isinstance(sample, Block)]
        missing = tuple(
            (*sample.scope, sample.signal, sample.feature, sample.reason)
            for sample in samples
            if isinstance(sample, NoData)
        )
        if missing:
            if missing != self._missing.values:
                self._missing = Rows(missing)
            blocks.append(Block(NO_DATA, (), self._missing, np.ones(len(missing), np.int64)))
        return blocks
