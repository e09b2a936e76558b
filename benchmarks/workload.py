"""The workload of every benchmark: 24 numeric and 6 categorical features, a score, an id on each event."""

from __future__ import annotations

import io
import json
import tempfile
import uuid
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import ipc

from ml_exporter.app.engine import Engine
from ml_exporter.app.evaluation import Evaluator
from ml_exporter.app.runtime import runtimes
from ml_exporter.baseline import document
from ml_exporter.baseline.fit import fit
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.source import read_chunks
from ml_exporter.config.load import load
from ml_exporter.core.clock import Clock, SystemClock
from ml_exporter.core.schema import Task
from ml_exporter.ingest.queue import IntakeQueue
from ml_exporter.signals.drift import MEASURES
from ml_exporter.signals.drift.noise import SIZES, noise_floors
from ml_exporter.state.directory import StateDirectory
from ml_exporter.sums import OUTCOME_TALLIES, PREDICTION_TALLIES
from ml_exporter.sums.tally import Tallies

NUMERIC = [f"num_{n:02d}" for n in range(24)]
LEVELS = [3, 5, 8, 12, 20, 50]
CATEGORICAL = [f"cat_{n}" for n in range(len(LEVELS))]


def table(rows: int, seed: int) -> pd.DataFrame:
    """Return rows: 8 normal, 8 lognormal, 8 heavy-tailed columns with 2 % missing, 6 categorical, score, label."""
    rng = np.random.default_rng(seed)
    normal, lognormal = rng.normal(size=(rows, 8)), np.exp(rng.normal(size=(rows, 8)))
    numbers = np.concatenate([normal, lognormal, rng.standard_t(2, (rows, 8))], axis=1)
    if seed > 1:
        numbers[:, ::2] += 0.1
    numbers[rng.random(numbers.shape) < 0.02] = np.nan
    frame = pd.DataFrame(numbers, columns=NUMERIC)
    for name, levels in zip(CATEGORICAL, LEVELS, strict=True):
        frame[name] = [f"level_{level}" for level in rng.integers(0, levels, rows)]
    frame["score"] = rng.beta(2, 5, rows)
    frame["label"] = (rng.random(rows) < frame["score"]).astype(int)
    return frame


@cache
def folder() -> Path:
    """Return a folder with a fitted baseline of 50,000 rows and a configuration."""
    return _fitted(table(50_000, 1))


def wide_table(rows: int, seed: int) -> pd.DataFrame:
    """Return ten tables beside each other: 300 features, and the score and the label of the first."""
    parts = [table(rows, seed + 100 * number).add_prefix(f"t{number}_" if number else "") for number in range(10)]
    kept = [
        part.drop(columns=[f"t{number}_score", f"t{number}_label"]) for number, part in enumerate(parts) if number
    ]
    return pd.concat([parts[0], *kept], axis=1)


@cache
def wide_folder() -> Path:
    """Return a folder with a fitted baseline of 10,000 rows of 300 features and a configuration."""
    return _fitted(wide_table(10_000, 1))


def _fitted(data: pd.DataFrame) -> Path:
    path = Path(tempfile.mkdtemp(prefix="ml-exporter-bench-"))
    data.to_parquet(path / "data.parquet")
    fitted = fit(
        lambda: read_chunks(path / "data.parquet"),
        FitOptions(Task.BINARY, label="label", score="score"),
        lambda schema: Tallies(schema, PREDICTION_TALLIES, OUTCOME_TALLIES),
        lambda variable, cells, sums, sample: noise_floors(variable, cells, sums, sample, MEASURES),
        SIZES,
        source="data.parquet",
        created=0.0,
    )
    document.write(fitted.document, path / "baseline.json")
    config = (
        "models: [{name: m, task: binary_classification, baseline: baseline.json, labels: {capacity: 4000000}}]\n"
    )
    (path / "ml-exporter.yml").write_text(config + "state: {directory: state}\n")
    return path


def events(rows: int, seed: int = 2) -> list[dict[str, Any]]:
    """Return rows as events, with a random id each."""
    frame = table(rows, seed).round(6)
    features = frame[[*NUMERIC, *CATEGORICAL]].astype(object).where(frame.notna(), None).to_dict("records")
    scores = frame["score"].tolist()
    return [
        {
            "id": str(uuid.UUID(int=int.from_bytes(np.random.default_rng([seed, n]).bytes(16)))),
            "features": f,
            "score": s,
        }
        for n, (f, s) in enumerate(zip(features, scores, strict=True))
    ]


def ndjson(items: list[dict[str, Any]]) -> bytes:
    """Return a line of JSON for each event."""
    return b"\n".join(json.dumps(item).encode() for item in items)


def columnar(items: list[dict[str, Any]]) -> bytes:
    """Return the events as one columns document."""
    columns = {
        "id": [item["id"] for item in items],
        "score": [item["score"] for item in items],
        "features": {name: [item["features"][name] for item in items] for name in (*NUMERIC, *CATEGORICAL)},
    }
    return json.dumps({"columns": columns}).encode()


def stream(items: list[dict[str, Any]]) -> bytes:
    """Return the events as an Arrow stream, categories as dictionaries."""
    columns: dict[str, Any] = {name: pa.array([item[name] for item in items]) for name in ("id", "score")}
    for name in (*NUMERIC, *CATEGORICAL):
        column = pa.array([item["features"][name] for item in items])
        columns[f"features.{name}"] = column.dictionary_encode() if name in CATEGORICAL else column
    batch, sink = pa.record_batch(columns), io.BytesIO()
    with ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def engine(clock: Clock | None = None, *, state: bool = False, home: Path | None = None) -> Engine:
    """Return a recovered engine over the workload's model, without its thread."""
    home = home or folder()
    setup = load(home / "ml-exporter.yml")
    directory = StateDirectory(Path(tempfile.mkdtemp(dir=home))) if state else None
    made = Engine(
        runtimes(setup),
        IntakeQueue(10_000_000, 1 << 34),
        directory,
        lambda blocks: None,
        clock or SystemClock(),
        1.0,
        Evaluator(),
        lambda: None,
    )
    made.recover()
    return made
