"""The winter before the story as a history: recorded flights, backfilled into the data of Prometheus.

A history is as fast as the story that goes on after it: hours become seconds, so that one picture shows both.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from flights import CHALLENGER, CHAMPION, FEATURES, version_of
from processes import DemoError

INTERVAL = 5


def write_events(folder: Path, run: Path, speed: float, end: float) -> None:
    """Write the events of each model, as if they had been recorded at the story's speed up to ``end``."""
    winter = pd.read_parquet(folder / "winter.parquet")
    began = float(pd.read_parquet(folder / "flights.parquet", columns=["departure"])["departure"].min())
    landed = winter["landing"] < began
    events = winter[["id", *FEATURES]].assign(
        timestamp=end - (began - winter["departure"]) / speed,
        label_timestamp=(end - (began - winter["landing"]) / speed).where(landed),
    )
    versions = winter["id"].map(version_of)
    score = np.where(versions == CHAMPION, winter[f"answer {CHAMPION}"], winter[f"answer {CHALLENGER}"])
    late = winter["late"].astype("float").where(landed)
    events.assign(version=versions, score=score, label=late).to_parquet(run / "flights.parquet")
    delay = winter["delay"].where(landed)
    events.assign(prediction=winter["answer delay"], label=delay).to_parquet(run / "delay.parquet")


def backfill(run: Path, instance: str, rules: Sequence[Path]) -> None:
    """Put the history of the events into the data of the Prometheus that is about to start."""
    command = [sys.executable, "-m", "ml_exporter", "backfill"]
    given = ["--config.file", str(run / "ml-exporter.yml"), "--output", str(run / "history")]
    given += ["--interval", f"{INTERVAL}s", "--label", f"instance={instance}"]
    for model, more in (("flights", ["--blocks"]), ("delay", ["--rules", *map(str, rules)])):
        events = str(run / f"{model}.parquet")
        done = subprocess.run([*command, events, *given, "--model", model, *more], capture_output=True, text=True)
        if done.returncode:
            raise DemoError(f"ml-exporter backfill of {model} failed:\n{done.stderr.strip()}")
    shutil.move(run / "history/blocks", run / "prometheus")
