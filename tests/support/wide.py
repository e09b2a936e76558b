"""A model of many features, some with hostile names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ml_exporter.baseline import document
from ml_exporter.baseline.document import BaselineDocument
from ml_exporter.baseline.fit import fit
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.source import Chunk, Column
from ml_exporter.core.schema import Task
from support.models import tallies_of

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "a&amp;b' onmouseover='alert(3)",
    "line\nbreak\x00\u202etxt",
    "very_long_" * 20,
)
CATEGORIES = ("<b>bold</b>", '"quoted"', "</svg><script>alert(4)</script>")
ROWS = 400


def names(features: int) -> list[str]:
    """Return the names of the features; every tenth is categorical."""
    return [*HOSTILE, *(f"feature {number}" for number in range(len(HOSTILE), features))]


def columns(features: int, rows: int, seed: int, shift: float = 0.0) -> dict[str, np.ndarray[Any, Any]]:
    """Return a table; ``shift`` moves the features, each less than the one before."""
    rng = np.random.default_rng(seed)
    found: dict[str, np.ndarray[Any, Any]] = {}
    for number, name in enumerate(names(features)):
        if number % 10 == 3:
            found[name] = np.array(CATEGORIES, object)[rng.integers(0, 3, rows)]
        else:
            found[name] = rng.normal(shift * (1 - number / features), 1, rows)
    found["score"] = rng.random(rows)
    found["label"] = (rng.random(rows) < found["score"]).astype(int)
    return found


@cache
def baseline(features: int) -> BaselineDocument:
    """Return a baseline without noise floors, which take minutes to simulate for so many."""

    def chunks() -> Iterator[Chunk]:
        table = columns(features, ROWS, 1)
        yield {name: Column(values, np.zeros(ROWS, bool)) for name, values in table.items()}

    options = FitOptions(Task.BINARY, label="label", score="score")
    return fit(chunks, options, tallies_of, lambda *known: {}, (), source="wide", created=1.0e9).document


def write_config(folder: Path, features: int) -> Path:
    """Write a configuration and its baseline; return its path."""
    document.write(baseline(features), folder / "baseline.json")
    path = folder / "ml-exporter.yml"
    path.write_text(
        "models:\n  - {name: wide, version: '1', task: binary_classification, baseline: baseline.json}\n"
    )
    return path


def events(features: int, rows: int, seed: int = 2, shift: float = 0.0) -> list[dict[str, Any]]:
    """Return events of the intake."""
    table = columns(features, rows, seed, shift)
    known = names(features)
    return [
        {
            "id": f"w-{row}",
            "score": float(table["score"][row]),
            "features": {name: table[name][row] for name in known},
        }
        for row in range(rows)
    ]
