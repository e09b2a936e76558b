"""Baselines fitted from made-up tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ml_exporter.baseline.fit import Fitted, fit
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.source import read_chunks
from ml_exporter.core.schema import Task
from support import workload
from support.models import tallies_of


def fitted(data: pd.DataFrame | Path, options: FitOptions | None = None, folder: Path | None = None) -> Fitted:
    """Fit a baseline, without noise floors, from a file, or from a table that is written into ``folder`` first."""
    path = data if isinstance(data, Path) else (folder or Path()) / "data.parquet"
    if isinstance(data, pd.DataFrame):
        data.to_parquet(path)
    options = options or FitOptions(Task.BINARY, label="label", score="score")
    return fit(lambda: read_chunks(path), options, tallies_of, lambda *known: {}, (), source="data", created=1.0)


def frame(rows: int = 3_000, task: Task = Task.BINARY) -> pd.DataFrame:
    """Return a table without the scores of classes."""
    return pd.DataFrame({k: v for k, v in workload.table(rows, seed=5, task=task).items() if ":" not in k})
