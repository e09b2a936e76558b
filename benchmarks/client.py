"""What a call of the client costs in the request path, with the sidecar up and down."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from harness import Row
from ml_exporter.client import Monitor
from single import _free_port, _wait
from workload import events, folder

CALLS = 20_000


def run() -> list[Row]:
    """Return a line for each; a call is the whole ``with`` block of one prediction of 30 features."""
    port = _free_port()
    command = [sys.executable, "-m", "ml_exporter", "serve", "--config.file", str(folder() / "ml-exporter.yml")]
    server = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"])
    try:
        _wait(port)
        up = _calls(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait()
    down = _calls(f"http://127.0.0.1:{port}")
    return [
        Row(
            f"a call of the client in the request path, sidecar {name}",
            f"{1e6 * statistics.median(times):.1f} us median, {1e6 * sorted(times)[int(0.99 * CALLS)]:.1f} us p99",
            "-",
            "-",
            "10 us median",
            statistics.median(times) <= 10e-6,
        )
        for name, times in (("up", up), ("down", down))
    ]


def _calls(url: str) -> list[float]:
    monitor = Monitor(url, model="m", capacity=CALLS, exit_timeout=0.1)
    features = events(1)[0]["features"]
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        with monitor.prediction(features) as prediction:
            prediction.score = 0.5
        times.append(time.perf_counter() - began)
        while time.perf_counter() - began < 100e-6:
            pass
    monitor.close()
    return times
