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
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil

from environments import make, python_of
from harness import Row

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "deploy/demo"))

RUNS = 3
EVERY_SECONDS = 0.5
"""How often the memory is looked at, of which each process remembers its peak."""

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
    began, memory = time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            memory = max(memory, *map(_peak, [process.pid, *_descendants(process.pid)]))
            time.sleep(EVERY_SECONDS)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - began, memory


def _descendants(pid: int) -> list[int]:
    with suppress(psutil.Error):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []


def _peak(pid: int) -> int:
    """Return the bytes of memory that a process has had at most so far; 0 of one that is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


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
