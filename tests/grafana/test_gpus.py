"""The row of GPUs on a sidecar beside made-up ones, through a real Prometheus and the shipped rules."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import workload
from support.engine import write_config
from support.grafana.queries import Result, missing_legend_labels, run
from support.nvml import Gpus, build
from support.processes import Prometheus, sidecar
from support.rules import RULES

BOARD = Path(__file__).parents[2] / "grafana/dashboards/ml-resources.json"


@pytest.fixture
def prometheus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Prometheus]:
    """Three GPUs: one in use, one in MIG mode with one of its devices in use, one lost."""
    mine = os.getpid()
    gpus = Gpus(tmp_path, build(tmp_path), monkeypatch)
    gpus.say("devices 3", "mig 1", f"process 0 {mine} 4096", f"process 1 {mine} 4096", "nvmlDeviceGetUUID/2 15")
    config = write_config(tmp_path)
    config.write_text(config.read_text() + f"server: {{pid: {mine}}}\n")
    beside = sidecar(config)
    try:
        assert beside.post("/v1/predictions?ack=durable", workload.events(workload.table(50, seed=3)))[0] == 200
        beside.until('ml_gpu_up{gpu="2"}', 0)
        running = Prometheus(tmp_path, {"ml-exporter": [beside.port]}, sorted(RULES.glob("*.yml")))
        try:
            yield running
        finally:
            running.end()
    finally:
        beside.end()


def row(prometheus: Prometheus) -> list[Result]:
    url = f"http://127.0.0.1:{prometheus.port}"
    ran = run(BOARD, url, end=time.time(), seconds=300, choices={"model": "model"}, scrape="1s")
    return [one for one in ran.results if "GPU" in one.panel.title or "PCIe" in one.panel.title]


def empty(results: list[Result]) -> list[tuple[str, str]]:
    return [
        (one.panel.title, one.target["refId"])
        for one in results
        if not any(len(column.values) for frame in one.frames for column in frame.fields)
    ]


def test_every_query_about_gpus_has_data(prometheus: Prometheus) -> None:
    prometheus.until_query("count(model:ml_model:owner)", 1)
    prometheus.until_query("model_instance:ml_gpu_lost:count", 1)
    prometheus.until_query("count(instance_gpu:ml_gpu_memory:ratio)", 3)
    prometheus.until_query('count(instance_gpu:ml_gpu_memory:ratio{gpu="1", mig="0"})', 1)
    end = time.monotonic() + 30
    while empty(results := row(prometheus)) and time.monotonic() < end:
        time.sleep(0.2)
    assert (len(results), empty(results)) == (17, [])
    assert not [one.expression for one in results if missing_legend_labels(one)]
