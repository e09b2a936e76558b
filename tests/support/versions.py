"""A model with a version of another time, which has a baseline of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ml_exporter.baseline import document
from ml_exporter.baseline.fit import fit
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.source import Chunk
from ml_exporter.core.schema import Task
from support import workload
from support.engine import write_config
from support.models import chunk_of, options_of, tallies_of

OWN = """\
    versions:
      next: {baseline: next.json}
"""


def moved(rows: int, seed: int, task: Task) -> workload.Table:
    """Return a table of another time: moved, with one more feature and category, and one less."""
    columns = workload.table(rows, seed=seed, task=task, shift=0.7)
    rng = np.random.default_rng(seed)
    columns["added"] = rng.gamma(2.0, 1.0, rows)
    columns["few"][rng.random(rows) < 0.1] = "d"
    columns["colour"] = np.array(["red", "green"], object)[rng.integers(0, 2, rows)]
    return columns


def events_of(columns: workload.Table) -> list[dict[str, Any]]:
    """Return its rows as events, with the new features."""
    events = workload.events(columns, prefix="next")
    for row, event in enumerate(events):
        event["version"] = "next"
        event["features"] |= {"added": float(columns["added"][row]), "colour": columns["colour"][row]}
    return events


def fit_next(folder: Path, task: Task) -> None:
    """Write the baseline of the version that comes next; it lacks a feature of the one before."""
    columns = moved(3_000, 8, task)
    del columns["zeros"]
    given = options_of(task)
    options = FitOptions(
        task,
        label=given.label,
        score=given.score,
        prediction=given.prediction,
        class_scores=given.class_scores,
        exclude=frozenset({"region"}),
    )

    def chunks() -> Iterator[Chunk]:
        yield chunk_of(columns)

    found = fit(chunks, options, tallies_of, lambda *_: {}, (), source="moved", created=2.0e9).document
    document.write(found, folder / "next.json")


def configured(folder: Path, task: Task, more: str = "") -> Path:
    """Write a configuration of a model with such a version."""
    config = write_config(folder, task, more)
    fit_next(folder, task)
    text = config.read_text()
    config.write_text(text.replace("    baseline: baseline.json\n", "    baseline: baseline.json\n" + OWN))
    return config
