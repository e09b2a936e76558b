"""Resident memory of a whole sidecar whose 24 h window is full, beside a float64 frame of the rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from harness import Row
from sidecar_day import SECONDS
from workload import columnar, events, folder

EVENTS_A_SECOND, FEATURES = 1_000, 30
LIMIT = 150


def run() -> list[Row]:
    """Return the line of the table; the sidecar runs in a process of its own."""
    body = folder() / "batch.json"
    items = events(1_000)
    for item in items:
        item["id"] = None
    body.write_bytes(columnar(items))
    program = Path(__file__).with_name("sidecar_day.py")
    command = [sys.executable, str(program), str(folder() / "ml-exporter.yml"), str(body)]
    megabytes = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / (1 << 20)
    frame = EVENTS_A_SECOND * SECONDS * FEATURES * 8 / (1 << 20)
    return [
        Row(
            "resident memory of the sidecar, 24 h window at 1,000 events/s x 30 features",
            f"{megabytes:.0f} MiB all told",
            f"float64 frame of the rows: {frame:,.0f} MiB (computed)",
            f"{frame / megabytes:.0f}x less",
            f"at most {LIMIT} MiB",
            megabytes <= LIMIT,
        )
    ]
