"""GPUs of this machine, read by a real driver; skipped where there is none.

To run it on a machine with an NVIDIA driver, from the root of the repository, with Python 3.11 or later::

    python3 -m pip install --target /tmp/gpu numpy psutil nvidia-ml-py pytest
    PYTHONPATH=exporter:/tmp/gpu python3 -m pytest --noconftest tests/resources/test_gpu_hardware.py -q -rs -s

The first line may run on another machine with the same Python, and its folder be copied.
It needs nothing else: no compiler, no CUDA. It changes no setting of a GPU. ``nvidia-smi`` is the oracle where it
is there. Memory of a process is checked if one is named that holds some, ``GPU_PID=4711``, or if CUDA's runtime
(``libcudart.so``, or that of PyTorch) can be loaded to allocate some.
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from ml_exporter.resources.gpu import GpuReader, reader
from ml_exporter.resources.gpu_metrics import METRICS
from ml_exporter.resources.target import Target

Samples = dict[tuple[str, ...], float]


def devices() -> int:
    """Return how many GPUs NVML sees; skip if there is no driver or no GPU."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        pytest.skip(f"NVML cannot be opened here: {error}")
    try:
        count: int = pynvml.nvmlDeviceGetCount()
    finally:
        pynvml.nvmlShutdown()
    if not count:
        pytest.skip("NVML sees no GPU here")
    return count


@pytest.fixture(scope="module")
def count() -> int:
    return devices()


def read(found: GpuReader, after: int = 1, seconds: float = 60.0) -> Samples:
    """Return the samples of the answer that comes as the ``after``-th one."""
    end = time.monotonic() + seconds
    answers, last = 0, None
    while time.monotonic() < end:
        began = time.monotonic()
        blocks = found.collect()
        assert time.monotonic() - began < 0.5, "a collection waited"
        if blocks and blocks is not last:
            answers, last = answers + 1, blocks
            if answers >= after:
                return {
                    (block.metric.name, *row): float(value)
                    for block in blocks
                    for row, value in zip(block.rows.values, block.values, strict=True)
                }
        time.sleep(0.02)
    raise AssertionError(f"no answer within {seconds} s")


@pytest.fixture
def gpus(count: int) -> Iterator[GpuReader]:
    found = GpuReader(Target(pid=os.getpid()), interval=0.5)
    yield found
    found.close()


def test_the_library_is_found(count: int) -> None:
    assert reader(Target(pid=os.getpid())) is not None


def test_every_gpu_answers_with_plausible_values(gpus: GpuReader, count: int) -> None:
    found = read(gpus)
    for series, value in sorted(found.items()):
        print(*series, value)
    numbers = [str(number) for number in range(count)]
    assert [found["ml_gpu_up", gpu] for gpu in numbers] == [1.0] * count
    infos = [key for key in found if key[0] == "ml_gpu_info"]
    assert len({key[2] for key in infos}) == count
    assert all(key[2].startswith("GPU-") and key[3] and key[4] for key in infos)
    plausible = {
        "ml_gpu_utilization_ratio": (0, 1),
        "ml_gpu_memory_utilization_ratio": (0, 1),
        "ml_gpu_power_watts": (1, 3_000),
        "ml_gpu_power_limit_watts": (1, 3_000),
        "ml_gpu_energy_joules_total": (0, math.inf),
        "ml_gpu_temperature_celsius": (5, 110),
        "ml_gpu_clock_hertz": (1e7, 1e10),
        "ml_gpu_clocks_event_active": (0, 1),
        "ml_gpu_memory_total_bytes": (1 << 28, 1 << 40),
        "ml_gpu_memory_used_bytes": (0, 1 << 40),
        "ml_gpu_pcie_link_generation": (1, 8),
        "ml_gpu_pcie_link_width_lanes": (1, 32),
        "ml_gpu_pcie_transmit_bytes_per_second": (0, 5e11),
        "ml_gpu_pcie_receive_bytes_per_second": (0, 5e11),
    }
    names = {metric.name for metric in METRICS}
    for series, value in found.items():
        assert series[0] in names
        low, high = plausible.get(series[0], (0, math.inf))
        assert low <= value <= high, series
    for gpu in numbers:
        assert found["ml_gpu_memory_used_bytes", gpu] <= found["ml_gpu_memory_total_bytes", gpu]
    missing = names - {series[0] for series in found}
    print("not supported here:", ", ".join(sorted(missing)) or "nothing")


def test_energy_only_grows(gpus: GpuReader) -> None:
    first = read(gpus)
    if ("ml_gpu_energy_joules_total", "0") not in first:
        pytest.skip("this GPU counts no energy")
    second = read(gpus, after=4)
    assert second["ml_gpu_energy_joules_total", "0"] > first["ml_gpu_energy_joules_total", "0"]


def test_nvidia_smi_says_the_same(gpus: GpuReader, count: int) -> None:
    if shutil.which("nvidia-smi") is None:
        pytest.skip("nvidia-smi is not here")
    fields = "index,uuid,driver_version,memory.total,memory.free,enforced.power.limit,temperature.gpu"
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    found = read(gpus)
    assert len(lines) == count
    for line in lines:
        gpu, uuid, driver, total, free, limit, degrees = [part.strip() for part in line.split(",")]
        (info,) = [key for key in found if key[:2] == ("ml_gpu_info", gpu)]
        assert (info[2], info[4]) == (uuid, driver)
        mib = 1 << 20
        assert found["ml_gpu_memory_total_bytes", gpu] == pytest.approx(float(total) * mib, abs=2 * mib)
        used = (float(total) - float(free)) * mib
        assert found["ml_gpu_memory_used_bytes", gpu] == pytest.approx(used, abs=256 * mib)
        if limit.replace(".", "").isdigit():
            assert found["ml_gpu_power_limit_watts", gpu] == pytest.approx(float(limit), abs=1)
        assert found["ml_gpu_temperature_celsius", gpu] == pytest.approx(float(degrees), abs=5)


HOLD = """
import ctypes, glob, os, sys
names = ["libcudart.so", "libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0", *glob.glob(
    os.path.join(sys.prefix, "lib/python*/site-packages/nvidia/**/libcudart.so*"), recursive=True)]
for name in names:
    try:
        runtime = ctypes.CDLL(name)
        break
    except OSError:
        continue
else:
    print("none", flush=True)
    sys.exit()
memory = ctypes.c_void_p()
code = runtime.cudaMalloc(ctypes.byref(memory), ctypes.c_size_t(1 << 30))
print("held" if code == 0 else f"cudaMalloc: {code}", flush=True)
sys.stdin.read()
"""


def test_memory_of_a_process_is_found(count: int) -> None:
    if pid := os.environ.get("GPU_PID"):
        found = GpuReader(Target(pid=int(pid)), interval=0.5)
        try:
            assert any(series[0] == "ml_gpu_server_memory_bytes" for series in read(found))
        finally:
            found.close()
        return
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        found = GpuReader(Target(pid=holder.pid), interval=0.5)
        try:
            if (said := holder.stdout.readline().strip()) != "held":
                pytest.skip(f"no memory of a GPU can be held here: {said}")
            shown = [value for series, value in read(found).items() if series[0] == "ml_gpu_server_memory_bytes"]
            if not shown:
                pytest.skip("NVML names processes of another PID namespace here, or none")
            assert sum(shown) >= 1 << 30
        finally:
            found.close()
            holder.stdin.close()
