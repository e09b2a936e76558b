"""A window of rows scored by the sidecar and by its peers in turns: ``make bench-peers``; writes ``peers.md``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from environments import PINS, make, python_of
from harness import Pair, Row, machine, pin, seconds, timed
from signals import counted, drift_scores, estimates
from workload import engine, table

RESULTS: Final = Path(__file__).parent / "peers.md"
WINDOW: Final = 10_000
REFERENCE: Final = 50_000
RUNS: Final = (3, 51)
SECONDS: Final = 10.0
"""Runs of a part, at least and at most, and for how long its peer runs in between: quick parts vary the most."""

QUIET: Final = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "WHYLOGS_NO_ANALYTICS": "True"}
"""Variables by which the peers send no usage statistics."""

ABOUT: Final = """\
Written by `make bench-peers` on {date:%Y-%m-%d}. A window of {window:,} rows with 24 numeric and 6 categorical
features and a score is compared with a reference of {reference:,} rows, by the sidecar's code and by each peer in
an environment of its own, in turns and on one core; ratios are medians over three to 51 neighbouring runs.

- Everybody begins with the rows as a pandas frame in memory, and has done before what is done once for a
  reference: the sidecar its baseline, NannyML its `fit`, whylogs its profile. Telemetry is off.
- Ours computes nine scores, of which the peers compute one for each column: Evidently the Wasserstein distance of
  numbers and the Jensen-Shannon distance of categories, NannyML the Jensen-Shannon distance, whylogs
  Kolmogorov-Smirnov and chi-squared.
- Without labels ours estimates accuracy, precision, recall, F1 and ROC AUC, NannyML ROC AUC and accuracy.
- *From sums* is what the sidecar does each second: its rows were counted as they came. It is measured with the
  counting, too, as the peers read all rows for each answer.
"""


ESTIMATES: Final = "all estimates without labels"


@dataclass(frozen=True)
class Part:
    """What a peer does, with and without what ours is measured, its goal as times less, and what it is."""

    peer: str
    part: str
    says: str
    counting: tuple[bool, ...]
    goal: int | None
    ours: str = "all 9 drift scores"


PARTS: Final = (
    Part("evidently", "drift", "Evidently's DataDriftPreset, which draws figures, too", (False, True), 1_000),
    Part("evidently", "scores", "Evidently's functions of these scores alone", (False, True), 1_000),
    Part("nannyml", "drift", "NannyML's univariate drift, Jensen-Shannon alone", (False, True), 100),
    Part("nannyml", "cbpe", "NannyML's CBPE: ROC AUC and accuracy alone", (False, True), 100, ESTIMATES),
    Part("whylogs", "drift", "whylogs' profile and its drift scores", (True,), None),
    Part("whylogs", "scores", "whylogs' drift scores of two profiles", (False,), None),
)


class Peer:
    """A peer in its own environment, with the window and the reference in its memory."""

    def __init__(self, name: str, folder: Path) -> None:
        command = [str(python_of(name)), str(PINS / "window.py"), name, str(folder)]
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **QUIET},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        told = self._read()
        self.versions: dict[str, str] = told["versions"]

    def do(self, part: str) -> float:
        """Let it do a part; return the seconds that it took by its own clock."""
        assert self._process.stdin is not None
        print(part, file=self._process.stdin, flush=True)
        return float(self._read())

    def end(self) -> None:
        """End it."""
        self._process.communicate()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"ends with {self._process.wait()}")
        return json.loads(line)


def main() -> int:
    """Measure every peer that can be installed and write the page."""
    os.chdir(Path(__file__).parent)
    cores = os.sched_getaffinity(0)
    names = list(dict.fromkeys(part.peer for part in PARTS))
    absent: dict[str, str] = {}
    for name in names:
        try:
            make([name])
        except subprocess.CalledProcessError as error:
            absent[name] = f"does not install on Python {sys.version_info.major}.{sys.version_info.minor}: {error}"
    rows: list[Row] = []
    versions: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory(prefix="ml-exporter-bench-") as scratch:
        os.environ["TMPDIR"] = scratch
        folder = Path(scratch)
        for what, frame in (("reference", table(REFERENCE, 1)), ("window", table(WINDOW, 7))):
            np.savez(folder / f"{what}.npz", **{str(name): _plain(frame[name]) for name in frame})
        pin(1)
        for name in names:
            if name not in absent:
                try:
                    peer = Peer(name, folder)
                except RuntimeError as error:
                    absent[name] = f"does not run: it {error}"
                    continue
                versions[name] = peer.versions
                rows += [row for part in PARTS if part.peer == name for row in _measured(part, peer)]
                peer.end()
    os.sched_setaffinity(0, cores)
    for row in rows:
        print(f"{row.what}: {row.ours} | {row.rival} | {row.ratio} (goal {row.goal})")
    RESULTS.write_text(as_markdown(rows, versions, absent))
    print(f"written to {RESULTS}")
    return 0


def _plain(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    return column.to_numpy() if pd.api.types.is_numeric_dtype(column) else column.to_numpy().astype(str)


def _ours(what: str, counting: bool) -> Callable[[], None]:
    model = next(iter(engine().models.values()))
    frame = table(WINDOW, 7)
    sums = counted(model, frame, labels=False)
    scores = estimates if what == ESTIMATES else drift_scores
    if not counting:
        return lambda: scores(model.context, sums)
    return lambda: scores(model.context, counted(model, frame, labels=False))


def _measured(part: Part, peer: Peer) -> Iterator[Row]:
    ours = {counting: _ours(part.ours, counting) for counting in part.counting}
    pairs = {counting: Pair() for counting in part.counting}
    fewest, most = RUNS
    runs = min(max(fewest, round(SECONDS / peer.do(part.part))), most)
    for _ in range(runs):
        for counting, pair in pairs.items():
            timed(ours[counting], 1)
            pair.ours.append(timed(ours[counting], 3 if counting else 200))
        spent = peer.do(part.part)
        for pair in pairs.values():
            pair.rival.append(spent)
    for counting, pair in pairs.items():
        yield Row(
            f"counting the rows and {part.ours}" if counting else f"{part.ours}, from sums",
            seconds(pair.ours),
            f"{part.says}: {seconds(pair.rival)}",
            _told(pair.times_less),
            "-" if part.goal is None else f"{part.goal:,}x less",
            None if part.goal is None else pair.times_less >= part.goal,
        )


def _told(times_less: float) -> str:
    """Return how many times less ours takes, or how many times more."""
    if times_less < 1:
        return f"{1 / times_less:.1f}x more"
    return f"{times_less:,.0f}x less" if times_less >= 10 else f"{times_less:.1f}x less"


def as_markdown(rows: list[Row], versions: dict[str, dict[str, str]], absent: dict[str, str]) -> str:
    """Return the page."""
    loads = [f"{value:.1f}" for value in os.getloadavg()]
    lines = [
        "# Benchmarks beside peers",
        "",
        *ABOUT.format(date=datetime.now(UTC), window=WINDOW, reference=REFERENCE).splitlines(),
        "",
        *machine(),
        f"- load of the machine at the end, over 1, 5 and 15 minutes: {', '.join(loads)}",
        *(
            f"- {name}: {', '.join(f'{library} {number}' for library, number in found.items())}"
            for name, found in versions.items()
        ),
        "",
        "| what | ours | peer in the same run | ratio | goal | met |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        met = "-" if row.met is None else "yes" if row.met else "no"
        lines.append(f"| {row.what} | {row.ours} | {row.rival} | {row.ratio} | {row.goal} | {met} |")
    if absent:
        lines += ["", "Not measured:", "", *(f"- {name} {why}" for name, why in absent.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
