"""From the start of ``ml-exporter serve`` to its readiness."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from harness import Row
from single import _free_port, _wait
from workload import folder

RUNS = 7


def run() -> list[Row]:
    """Return the line of the table."""
    times = []
    for _ in range(RUNS + 1):
        port = _free_port()
        command = [
            sys.executable,
            "-m",
            "ml_exporter",
            "serve",
            "--config.file",
            str(folder() / "ml-exporter.yml"),
        ]
        began = time.perf_counter()
        server = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"])
        try:
            _wait(port)
            times.append(time.perf_counter() - began)
        finally:
            server.terminate()
            server.wait()
    median = statistics.median(times[1:])
    return [Row("ml-exporter serve from start to ready", f"{median:.2f} s", "-", "-", "below 1 s", median < 1.0)]
