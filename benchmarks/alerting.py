"""Quiet when nothing happens, quick when something does: the shipped alerts and three rivals on the same streams.

``make bench`` runs it and writes ``alerting.md``. Only what is told counts, not the time that telling takes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from environments import make, python_of  # noqa: E402
from harness import machine  # noqa: E402
from support.streams import CHANGES, STEPS, Stream, Table, notifications, training  # noqa: E402

SIZES = (500, 5_000, 50_000)
QUIET_DAYS = 60
CHANGE_DAYS = 4
CHANGES_AT = 1.5
RIVALS = {
    "evidently": "Evidently 0.7.21: more than half of the columns drift",
    "nannyml": "NannyML 0.13.1: 3 standard deviations",
    "drift-watchdog": "drift-watchdog 1.4.0: mean PSI 0.2",
}
SHIPPED = (ROOT / "prometheus/rules/thresholds.yml").read_text()
FOLDER = Path(__file__).parent / "rivals"
RESULTS = Path(__file__).parent / "alerting.md"


@dataclass(frozen=True)
class Told:
    """What was told of a stream: of ours the alerts with the days to their first firing, of a rival its days."""

    ours: tuple[tuple[dict[str, str], float], ...]
    rivals: dict[str, list[int]]


def streams() -> dict[tuple[str, int], Stream]:
    """Return the streams by what happens in them and predictions a day, the longest to play first."""
    quiet = {("nothing", size): Stream(size, QUIET_DAYS, seed=size) for size in SIZES}
    changed = {
        (name, size): Stream(size, CHANGE_DAYS, change, CHANGES_AT, seed=size)
        for name, change in CHANGES.items()
        for size in SIZES
    }
    return quiet | changed


def told(stream: Stream) -> Told:
    """Play a stream to the shipped rules and to the rivals."""
    with tempfile.TemporaryDirectory(prefix="ml-exporter-bench-") as scratch:
        folder = Path(scratch)
        ours = tuple((labels, when / 86_400) for labels, when in notifications("m", stream, folder, SHIPPED))
        np.savez(folder / "training.npz", **_columns(training(), np.zeros(len(training()["age"]), int)))
        np.savez(folder / "month.npz", **_days(Stream(stream.a_day, 30, seed=stream.seed + 1)))
        np.savez(folder / "days.npz", **_days(stream))
        return Told(ours, {rival: _rival(rival, folder) for rival in RIVALS})


def _days(stream: Stream) -> dict[str, np.ndarray[Any, Any]]:
    parts = [_columns(*stream.day(number)) for number in range(stream.days)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _columns(table: Table, steps: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    columns = {name: table[name] for name in ("hour", "age", "score", "label")}
    return columns | {"country": table["country"].astype("U2"), "day": steps // STEPS}


def _rival(rival: str, folder: Path) -> list[int]:
    command = [str(python_of(rival)), "-W", "ignore", str(FOLDER / "alarms.py"), rival, str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2_000:]
    days: list[int] = json.loads(done.stdout.splitlines()[-1])
    return days


def as_markdown(results: dict[tuple[str, int], Told]) -> str:
    """Return the page."""
    heads = ["ours", *RIVALS.values()]
    lines = [
        "# Quiet when nothing happens, quick when something does",
        "",
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}. A model is played to the shipped rules and",
        "thresholds under promtool, series by series as the sidecar would have shown them, and by day as tables",
        "to the rivals with their defaults, each in an environment of its own. Predictions follow the hours of a",
        "day; labels come after an hour. Rivals look at each day when it is over.",
        "",
        *machine(),
        "",
        f"## {QUIET_DAYS} days on which nothing happens",
        "",
        "Ours: alerts of severity warning or critical that fired at all. Rivals: days on which they would have",
        "told.",
        "",
        *_table(
            ["predictions a day", *heads], [[f"{size:,}", *_quiet(results["nothing", size])] for size in SIZES]
        ),
        "",
        "## Hours from a change to the first notification",
        "",
        f"The change comes at noon of the second day, and {CHANGE_DAYS - CHANGES_AT:g} days of it are played; a",
        "dash says that nothing was told in them.",
        "",
        *_table(
            ["change", "predictions a day", *heads],
            [[name, f"{size:,}", *_quick(results[name, size])] for name in CHANGES for size in SIZES],
        ),
    ]
    return "\n".join(lines) + "\n"


def _quiet(result: Told) -> list[str]:
    return [str(len(_loud(result))), *(str(len(result.rivals[rival])) for rival in RIVALS)]


def _quick(result: Told) -> list[str]:
    after = [(labels["alertname"], day) for labels, day in _loud(result) if day >= CHANGES_AT]
    ours = f"{(after[0][1] - CHANGES_AT) * 24:.1f}, {after[0][0]}" if after else "-"
    days = [[day for day in result.rivals[rival] if day + 1 > CHANGES_AT] for rival in RIVALS]
    return [ours, *(f"{(told[0] + 1 - CHANGES_AT) * 24:.0f}" if told else "-" for told in days)]


def _loud(result: Told) -> list[tuple[dict[str, str], float]]:
    return [(labels, day) for labels, day in result.ours if labels["severity"] != "info"]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]


def play(choose: Callable[[str], bool]) -> dict[tuple[str, int], Told]:
    """Play the streams in which something chosen happens, a few at a time."""
    chosen = {key: stream for key, stream in streams().items() if choose(key[0])}
    results = {}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for key, result in zip(chosen, pool.map(told, chosen.values()), strict=True):
            results[key] = result
            quick = _quiet(result) if key[0] == "nothing" else _quick(result)
            print(f"{key[0]}, {key[1]:,} a day: {' | '.join(quick)}", flush=True)
    return results


def main() -> int:
    """Play the streams named on the command line, all without a name; only all of them are written down."""
    make(RIVALS)
    names = sys.argv[1:]
    results = play(lambda name: not names or name in names)
    if not names:
        RESULTS.write_text(as_markdown(results))
        print(f"written to {RESULTS}")
    early = [
        labels
        for (name, _), result in results.items()
        for labels, day in _loud(result)
        if name == "nothing" or day < CHANGES_AT
    ]
    for labels in early:
        print(f"fired although nothing had happened: {labels}", file=sys.stderr)
    return 1 if early else 0


if __name__ == "__main__":
    sys.exit(main())
