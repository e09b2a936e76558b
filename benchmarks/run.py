"""Runs every benchmark, prints the table and writes it to ``results.md``: ``make bench``."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

from harness import Row, machine, pin

BENCHMARKS = (
    "count",
    "multivariate",
    "post",
    "single",
    "signals",
    "page",
    "memory",
    "pending",
    "client",
    "start",
    "rules",
    "backfill",
)
UNPINNED = ("single", "memory", "client", "start", "rules", "backfill")
RESULTS = Path(__file__).parent / "results.md"


def _run(name: str) -> list[Row]:
    if name not in UNPINNED:
        pin(1)
    rows: list[Row] = import_module(name).run()
    return rows


def as_markdown(rows: list[Row]) -> str:
    """Return the table and what it was measured on."""
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}. Ours and the rival ran in turns in one run;",
        "ratios are medians over neighbouring runs. Workload: 24 numeric features (normal, lognormal,",
        "heavy-tailed, 2 % missing), 6 categorical of 3 to 50 levels, a calibrated score, an id on every event;",
        "baseline of 50,000 rows.",
        "",
        *machine(),
        "",
        "| what | ours | rival in the same run | ratio | goal | met |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        met = "-" if row.met is None else "yes" if row.met else "no"
        lines.append(f"| {row.what} | {row.ours} | {row.rival} | {row.ratio} | {row.goal} | {met} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run the benchmarks named on the command line, all without a name; only all of them are written down."""
    os.chdir(Path(__file__).parent)
    with tempfile.TemporaryDirectory(prefix="ml-exporter-bench-") as scratch:
        os.environ["TMPDIR"] = scratch  # what the benchmarks leave is left there
        rows = _run_all(sys.argv[1:] or BENCHMARKS)
    if not sys.argv[1:]:
        RESULTS.write_text(as_markdown(rows))
        print(f"written to {RESULTS}")
    return 0


def _run_all(names: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    for name in names:
        print(f"{name} …", flush=True)
        # A process for each, so that none inherits another's memory, garbage or pinning.
        with get_context("spawn").Pool(1) as pool:
            for row in pool.apply(_run, (name,)):
                rows.append(row)
                mark = {None: " ", True: "+", False: "-"}[row.met]
                print(f"{mark} {row.what}: {row.ours} | {row.rival} | {row.ratio} (goal {row.goal})", flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
