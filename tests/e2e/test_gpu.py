"""``ml-exporter serve`` beside made-up GPUs: shown, hanging, lost, none at all, and nothing left behind."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from support.engine import write_config
from support.nvml import Gpus, build
from support.processes import Process, sidecar

UP = 'ml_gpu_up{gpu="0"}'
SUCCESS = 'ml_exporter_collector_success{collector="gpu"}'


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def gpus(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Gpus:
    return Gpus(tmp_path, library, monkeypatch)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = write_config(tmp_path)
    path.write_text(path.read_text() + f"server: {{pid: {os.getpid()}}}\n")
    return path


@pytest.fixture
def start(config: Path) -> Iterator[Callable[[], Process]]:
    started: list[Process] = []

    def begin() -> Process:
        started.append(sidecar(config))
        return started[-1]

    yield begin
    for process in started:
        process.end()


def children(process: Process) -> list[psutil.Process]:
    return psutil.Process(process.process.pid).children(recursive=True)


def until_gone(found: list[psutil.Process], seconds: float = 10.0) -> None:
    assert psutil.wait_procs(found, timeout=seconds)[1] == []


def test_gpus_are_on_the_page_and_their_process_ends_with_the_sidecar(
    start: Callable[[], Process], gpus: Gpus
) -> None:
    gpus.say("devices 2", "mig 1", f"process 0 {os.getpid()} 4096")
    process = start()
    process.until(UP, 1)
    found = process.metrics()
    assert found['ml_gpu_up{gpu="1"}'] == 1
    assert found['ml_gpu_power_watts{gpu="0"}'] == 250.5
    assert found['ml_gpu_ecc_errors_total{gpu="1",error="uncorrected"}'] == 2
    assert found['ml_gpu_server_memory_bytes{gpu="0"}'] == 4096
    assert found['ml_gpu_mig_memory_total_bytes{gpu="1",mig="3"}'] == 10 << 30
    assert found[SUCCESS] == 1
    (child,) = children(process)
    assert process.end(signal.SIGTERM) == 0
    until_gone([child])
    assert gpus.calls("open") == gpus.calls("close") == [child.pid]


def test_a_hanging_driver_holds_up_neither_scrapes_nor_counting_nor_the_end(
    start: Callable[[], Process], gpus: Gpus
) -> None:
    process = start()
    process.until(UP, 1)
    gpus.say("nvmlDeviceGetTotalEnergyConsumption -1")
    end = time.monotonic() + 40
    longest, ticks = 0.0, process.metrics()["ml_exporter_snapshot_timestamp_seconds"]
    while True:
        began = time.monotonic()
        found = process.metrics()
        longest = max(longest, time.monotonic() - began)
        if found[SUCCESS] == 0:
            break
        assert began < end, "the deadline was not held"
        time.sleep(0.1)
    assert not [series for series in found if series.startswith("ml_gpu_")]
    assert found["ml_server_up"] == 1
    assert found["ml_exporter_snapshot_timestamp_seconds"] > ticks
    assert longest < 1.0
    assert "GPUs: no answer within 10 s" in process.log.read_text()
    gpus.say()
    process.until(UP, 1)
    process.until(SUCCESS, 1)
    gpus.say("nvmlDeviceGetTotalEnergyConsumption -1")
    (child,) = children(process)
    assert process.end(signal.SIGTERM) == 0
    until_gone([child])


def test_the_process_of_a_killed_sidecar_ends_by_itself(start: Callable[[], Process], gpus: Gpus) -> None:
    process = start()
    process.until(UP, 1)
    found = children(process)
    assert len(found) == 1
    process.end()
    until_gone(found)


def test_a_reload_keeps_the_process_unless_another_server_is_watched(
    start: Callable[[], Process], gpus: Gpus, config: Path
) -> None:
    process = start()
    process.until(UP, 1)
    (child,) = children(process)
    assert process.request("POST", "/-/reload")[0] == 200
    process.until(UP, 1)
    assert children(process) == [child]
    text = config.read_text()
    config.write_text(text.replace(f"pid: {os.getpid()}", "pid: 1"))
    assert process.request("POST", "/-/reload")[0] == 200
    until_gone([child])
    process.until(UP, 1)
    config.write_text(text.replace(f"server: {{pid: {os.getpid()}}}", ""))
    last = children(process)
    assert process.request("POST", "/-/reload")[0] == 200
    until_gone(last)
    assert not [series for series in process.metrics() if "gpu" in series]


def test_without_the_library_there_is_neither_a_process_nor_a_series(
    start: Callable[[], Process], tmp_path: Path
) -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has an NVIDIA driver")
    process = start()
    process.until("ml_server_up", 1)
    assert children(process) == []
    assert not [series for series in process.metrics() if "gpu" in series]
    assert "GPU" not in process.log.read_text()
