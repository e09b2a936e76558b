"""The flights of 2013 as an hourly history, beside reading them at all and beside Evidently once a day."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from environments import make, python_of
from harness import Row

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "deploy/demo"))

RUNS = 3
EVERY = 10
"""Of how many days one is given to Evidently, which takes a second for each."""

CONFIG = """\
models:
  - {name: flights, task: binary_classification, baseline: flights.json, labels: {horizon: 2d}}
windows: [24h]
"""


def prepare(folder: Path) -> None:
    """Write the flights, scored by the demo's winter model, its validation data, baseline and configuration."""
    import flights

    flights.prepare(folder)
    table = flights.flights()
    models = pd.read_pickle(folder / "models.pickle")
    table["score"] = models[flights.CHAMPION].answers(table)
    columns = ["id", "departure", "landing", "late", "score", *flights.FEATURES]
    table[columns].to_csv(folder / "year.csv", index=False)
    table[columns].head(len(table) // 4).to_csv(folder / "quarter.csv", index=False)
    fit = [sys.executable, "-m", "ml_exporter", "baseline", "fit", str(folder / "flights-validation.parquet")]
    fit += ["--task", "binary_classification", "--label", "late", "--score", "score"]
    subprocess.run([*fit, "--output", str(folder / "flights.json")], check=True, capture_output=True)
    (folder / "ml-exporter.yml").write_text(CONFIG)


def backfill(folder: Path, events: str) -> tuple[float, int]:
    """Return the seconds of the whole command, and the bytes of memory of the largest of its processes."""
    output = folder / "history"
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, "-m", "ml_exporter", "backfill", str(folder / events), "--interval", "1h"]
    command += ["--config.file", str(folder / "ml-exporter.yml"), "--output", str(output)]
    for pair in ("timestamp=departure", "label=late", "label_timestamp=landing"):
        command += ["--column", pair]
    # A process of its own, whose only child it is, tells the memory of this run alone.
    code = (
        "import json, resource, subprocess, sys, time; began = time.perf_counter();"
        " subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        " used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024;"
        " print(json.dumps([time.perf_counter() - began, used]))"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True, text=True)
    seconds, memory = json.loads(done.stdout)
    return seconds, memory


def read_csv(path: Path) -> float:
    """Return the seconds that pandas takes to read the rows."""
    began = time.perf_counter()
    pd.read_csv(path)
    return time.perf_counter() - began


def evidently(folder: Path) -> float:
    """Return the seconds of Evidently's drift preset once a day, from every tenth day of the year."""
    script = Path(__file__).parent / "rivals/preset.py"
    command = [str(python_of("evidently")), str(script), str(folder), str(EVERY)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    days: list[float] = json.loads(done.stdout.splitlines()[-1])
    return statistics.mean(days) * 365


def run() -> list[Row]:
    """Return the lines of the table."""
    make(["evidently"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        read_csv(folder / "year.csv")
        ours, reading = [], []
        for _ in range(RUNS):
            seconds, memory = backfill(folder, "year.csv")
            ours.append(seconds)
            reading.append(read_csv(folder / "year.csv"))
        _, quarter = backfill(folder, "quarter.csv")
        rival = evidently(folder)
    took, read = statistics.median(ours), statistics.median(reading)
    what = "backfill of the 336,776 flights of 2013, a snapshot of all signals each hour"
    told = f"{took:.1f} s"
    reader = f"pandas.read_csv of the same file: {read:.3f} s"
    preset = f"Evidently's drift preset once a day: {rival:.0f} s"
    small = f"the first quarter of the flights: {quarter / 2**20:.0f} MiB"
    return [
        Row(what, told, reader, f"{took / read:.0f}x its time", "10x its time", took <= 10 * read),
        Row(what, told, preset, f"{rival / took:.0f}x less", "50x less", rival >= 50 * took),
        Row(
            "memory of the largest process of a backfill of the flights of 2013",
            f"{memory / 2**20:.0f} MiB",
            small,
            f"{memory / quarter:.2f}x",
            "1.2x",
            memory <= 1.2 * quarter,
        ),
    ]
