"""An engine without its thread: every step is taken by the test, under a clock that stands still."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ml_exporter.app.engine import Engine
from ml_exporter.app.evaluation import Evaluator
from ml_exporter.app.runtime import runtimes
from ml_exporter.baseline import document
from ml_exporter.config.load import load
from ml_exporter.core.clock import ManualClock
from ml_exporter.core.metrics import Block, Kind
from ml_exporter.core.schema import Task
from ml_exporter.exposition.render import Format, Renderer
from ml_exporter.ingest.intake import Intake
from ml_exporter.ingest.protocols import NdJson
from ml_exporter.ingest.queue import IntakeQueue
from ml_exporter.state.directory import StateDirectory
from support.intake import ndjson
from support.models import baseline

START = 1_385_000_000.0

CONFIG = """\
models:
  - name: model
    version: "1"
    owner: team
    task: {task}
    baseline: baseline.json
{protected}state:
  directory: state
{more}
"""

PROTECTED = "    segments: {region: {reference: north}}\n    feedback: {scale: [1, 5]}\n"


def write_config(folder: Path, task: Task = Task.BINARY, more: str = "", *, noise: bool = False) -> Path:
    """Write a configuration and the baseline it names; return its path."""
    document.write(baseline(task, noise), folder / "baseline.json")
    path = folder / "ml-exporter.yml"
    protected = PROTECTED if task is Task.BINARY else ""
    path.write_text(CONFIG.format(task=task.value, protected=protected, more=more))
    return path


class Bench:
    """An engine over a configuration file, driven step by step."""

    open: ClassVar[list[Bench]] = []

    def __init__(
        self,
        config: Path,
        clock: ManualClock | None = None,
        *,
        state: bool = True,
        evaluator: Evaluator | None = None,
    ) -> None:
        self.clock = clock or ManualClock(START)
        self.setup = load(config)
        self.models = runtimes(self.setup)
        self.queue = IntakeQueue(1_000_000, 1 << 30)
        directory = self.setup.settings.state_directory
        self.directory = StateDirectory(directory) if state and directory is not None else None
        self.published: list[Block] = []
        self.engine = Engine(
            self.models,
            self.queue,
            self.directory,
            self._publish,
            self.clock,
            1.0,
            evaluator or Evaluator(),
            lambda: None,
        )
        self.engine.pipelines.intervals = self.setup.settings.pipelines
        self.intake = Intake({name: model.intake for name, model in self.models.items()})
        self.open.append(self)
        self.engine.recover()

    def _publish(self, blocks: list[Block]) -> None:
        self.published = blocks

    def send(
        self,
        events: list[dict[str, Any]] = [],  # noqa: B006
        labels: list[dict[str, Any]] = [],  # noqa: B006
        feedback: list[dict[str, Any]] = [],  # noqa: B006
    ) -> None:
        """Put events, labels and feedback into the queue and count them."""
        for items, read in (
            (events, self.intake.predictions),
            (labels, self.intake.labels),
            (feedback, self.intake.feedback),
        ):
            if items:
                batches, receipt = read(ndjson(items), NdJson(), None)
                assert receipt.accepted == len(items), receipt
                self.queue.put(batches)
        self.engine.count()

    def tick(self, seconds: float = 1.0) -> None:
        """Let time pass, then commit and publish."""
        self.clock.advance(seconds)
        self.engine.tick()

    def end(self, *, clean: bool) -> None:
        """End as a SIGTERM would, with a last snapshot, or as a SIGKILL."""
        if not clean:
            self.vanish()
            return
        self.engine._finish()
        self.directory = None

    def vanish(self) -> None:
        """End as a SIGKILL would: nothing more is written, the kernel closes the files."""
        if self.directory is not None:
            if self.directory._journal is not None:
                self.directory._journal.close()
            os.close(self.directory._lock)
            self.directory = None

    def value(self, name: str, **labels: str) -> float | None:
        """Return the value of one published series, None if it is absent."""
        return values(self.published).get((name, *sorted(labels.items())))

    def page(self) -> str:
        """Return the published snapshot as text."""
        return Renderer(Format.TEXT).render(self.published).decode()


def values(blocks: list[Block]) -> Mapping[tuple[Any, ...], float]:
    """Return every published sample that is no histogram, by name and labels."""
    result: dict[tuple[Any, ...], float] = {}
    for block in blocks:
        if block.metric.kind is Kind.HISTOGRAM:
            continue
        for row, value in zip(block.rows.values, block.values, strict=True):
            labels = dict(zip(block.metric.labels, (*block.scope, *row), strict=True))
            if np.isfinite(value):
                key = (block.metric.name, *sorted(labels.items()))
                assert key not in result, f"{key} stands twice"
                result[key] = float(value)
    return result


def totals(bench: Bench) -> dict[str, Any]:
    """Return the sums of version 1 of the model, of its windows too, and how many ids are known and wait."""
    state = bench.models["model"].state
    assert state is not None
    version = state.versions["1"]
    return {
        "total": version.total.vector.tolist(),
        "windows": [ring.total.vector.tolist() for ring in version.rings],
        "ids": (state.join.ids, state.join.pending),
    }
