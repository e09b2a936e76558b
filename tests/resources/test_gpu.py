"""GPUs through a library that speaks NVML's C interface: values, errors, hangs, cards that vanish, none at all."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ml_exporter.core.errors import ResourceError
from ml_exporter.core.metrics import Block
from ml_exporter.resources.gpu import GpuReader, reader
from ml_exporter.resources.gpu_child import Child, Patience
from ml_exporter.resources.gpu_metrics import METRICS
from ml_exporter.resources.target import Target
from support.nvml import Gpus, build

SOON = Patience(answer=0.5, first=10.0, end=60.0, again=0.2, close=2.0)
MYSELF = Target(pid=os.getpid())
Samples = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def gpus(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Gpus:
    return Gpus(tmp_path, library, monkeypatch)


@pytest.fixture
def begin(gpus: Gpus) -> Iterator[Callable[..., GpuReader]]:
    started: list[GpuReader] = []

    def make(patience: Patience = SOON, target: Target = MYSELF) -> GpuReader:
        started.append(GpuReader(target, patience, interval=0.02))
        return started[-1]

    yield make
    for one in started:
        one.close()
    assert children() == []


def children() -> list[int]:
    """Return the processes that read GPUs; one that ends, or has ended and nobody took leave of, counts."""
    found = []
    for child in psutil.Process().children():
        try:
            ours = any("gpu_nvml" in part for part in child.cmdline() or ["gpu_nvml"])
        except psutil.ZombieProcess:
            ours = True
        except psutil.NoSuchProcess:
            continue
        if ours:
            found.append(child.pid)
    return found


def samples(blocks: list[Block]) -> Samples:
    return {
        (block.metric.name, *block.scope, *row): float(value)
        for block in blocks
        for row, value in zip(block.rows.values, block.values, strict=True)
    }


def collect(found: GpuReader) -> Samples | str:
    """Return the samples, or the text of the error; either comes at once."""
    began = time.monotonic()
    try:
        return samples(list(found.collect()))
    except ResourceError as error:
        return str(error)
    finally:
        assert time.monotonic() - began < 0.4, "a collection waited"


def until(found: GpuReader, wanted: Callable[[Samples | str], bool], seconds: float = 20.0) -> Samples | str:
    """Collect until what is found is what is wanted."""
    end = time.monotonic() + seconds
    last: Samples | str = ""
    while time.monotonic() < end:
        if wanted(last := collect(found)):
            return last
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s; last: {last}")


def values(found: GpuReader, wanted: Callable[[Samples], bool] = bool) -> Samples:
    got = until(found, lambda last: isinstance(last, dict) and wanted(last))
    assert isinstance(got, dict)
    return got


def failure(found: GpuReader, text: str) -> None:
    until(found, lambda last: isinstance(last, str) and text in last)


ONE_GPU = {
    ("ml_gpu_up",): 1,
    ("ml_gpu_utilization_ratio",): 0.75,
    ("ml_gpu_memory_utilization_ratio",): 0.25,
    ("ml_gpu_memory_used_bytes",): 2 << 30,
    ("ml_gpu_memory_total_bytes",): 80 << 30,
    ("ml_gpu_power_watts",): 250.5,
    ("ml_gpu_power_limit_watts",): 700,
    ("ml_gpu_energy_joules_total",): 1234.5,
    ("ml_gpu_temperature_celsius",): 61,
    ("ml_gpu_clock_hertz", "sm"): 1.98e9,
    ("ml_gpu_clock_hertz", "memory"): 2.619e9,
    ("ml_gpu_clocks_event_active", "gpu_idle"): 0,
    ("ml_gpu_clocks_event_active", "applications_clocks_setting"): 0,
    ("ml_gpu_clocks_event_active", "sw_power_cap"): 1,
    ("ml_gpu_clocks_event_active", "hw_slowdown"): 0,
    ("ml_gpu_clocks_event_active", "sync_boost"): 0,
    ("ml_gpu_clocks_event_active", "sw_thermal_slowdown"): 0,
    ("ml_gpu_clocks_event_active", "hw_thermal_slowdown"): 1,
    ("ml_gpu_clocks_event_active", "hw_power_brake_slowdown"): 0,
    ("ml_gpu_clocks_event_active", "display_clock_setting"): 0,
    ("ml_gpu_clocks_event_active", "other"): 1,
    ("ml_gpu_ecc_errors_total", "corrected"): 1,
    ("ml_gpu_ecc_errors_total", "uncorrected"): 2,
    ("ml_gpu_ecc_lifetime_errors_total", "corrected"): 3,
    ("ml_gpu_ecc_lifetime_errors_total", "uncorrected"): 4,
    ("ml_gpu_pcie_transmit_bytes_per_second",): 3e6,
    ("ml_gpu_pcie_receive_bytes_per_second",): 5e6,
    ("ml_gpu_pcie_link_generation",): 5,
    ("ml_gpu_pcie_link_width_lanes",): 16,
}


def expected(*numbers: str) -> Samples:
    found: Samples = {(name, gpu, *more): value for gpu in numbers for (name, *more), value in ONE_GPU.items()}
    return found | {("ml_gpu_info", gpu, f"GPU-{gpu}", "Made-up GPU", "535.0.1"): 1.0 for gpu in numbers}


def test_every_value_is_in_base_units(begin: Callable[..., GpuReader], gpus: Gpus) -> None:
    gpus.say("devices 2")
    assert values(begin()) == expected("0", "1")


def test_memory_of_processes_is_that_of_the_watched_tree(begin: Callable[..., GpuReader], gpus: Gpus) -> None:
    with subprocess.Popen(["sleep", "60"]) as worker:
        try:
            mine, stranger = os.getpid(), os.getppid()
            gpus.say(
                *("devices 3", f"process 0 {mine} 1000", f"process 0 {worker.pid} 200"),
                *(f"process 0 {stranger} 50", f"process 1 {stranger} 7"),
            )
            found = values(begin())
            assert found == {**expected("0", "1", "2"), ("ml_gpu_server_memory_bytes", "0"): 1200}
            gone = begin(target=Target(pid_file=Path("/nowhere")))
            assert values(gone) == expected("0", "1", "2")
        finally:
            worker.kill()


def test_mig_devices_have_their_own_memory(begin: Callable[..., GpuReader], gpus: Gpus) -> None:
    gpus.say("devices 2", "mig 1", f"process 1 {os.getpid()} 500", "nvmlDeviceGetUtilizationRates/1 3")
    found = values(begin())
    migs = {
        (metric, "1", mig): value
        for mig in ("0", "3")
        for metric, value in (
            ("ml_gpu_mig_memory_used_bytes", 2 << 30),
            ("ml_gpu_mig_memory_total_bytes", 10 << 30),
        )
    }
    infos = {("ml_gpu_mig_info", "1", mig, f"MIG-1-{mig}", "Made-up GPU MIG 1g.10gb"): 1 for mig in ("0", "3")}
    used = {("ml_gpu_mig_server_memory_bytes", "1", "0"): 500, ("ml_gpu_server_memory_bytes", "1"): 500}
    without = ("ml_gpu_utilization_ratio", "ml_gpu_memory_utilization_ratio")
    whole = {key: value for key, value in expected("0", "1").items() if key[1] == "0" or key[0] not in without}
    assert found == {**whole, **migs, **infos, **used}
    assert {key[0] for key in found} == {metric.name for metric in METRICS}


LOSES = {
    "nvmlDeviceGetUtilizationRates": {"ml_gpu_utilization_ratio", "ml_gpu_memory_utilization_ratio"},
    "nvmlDeviceGetMemoryInfo": {"ml_gpu_memory_used_bytes", "ml_gpu_memory_total_bytes"},
    "nvmlDeviceGetPowerUsage": {"ml_gpu_power_watts"},
    "nvmlDeviceGetEnforcedPowerLimit": {"ml_gpu_power_limit_watts"},
    "nvmlDeviceGetTotalEnergyConsumption": {"ml_gpu_energy_joules_total"},
    "nvmlDeviceGetClockInfo": {"ml_gpu_clock_hertz"},
    "nvmlDeviceGetTotalEccErrors": {"ml_gpu_ecc_errors_total", "ml_gpu_ecc_lifetime_errors_total"},
    "nvmlDeviceGetPcieThroughput": {
        "ml_gpu_pcie_transmit_bytes_per_second",
        "ml_gpu_pcie_receive_bytes_per_second",
    },
    "nvmlDeviceGetCurrPcieLinkGeneration": {"ml_gpu_pcie_link_generation"},
    "nvmlDeviceGetCurrPcieLinkWidth": {"ml_gpu_pcie_link_width_lanes"},
    "nvmlDeviceGetComputeRunningProcesses_v3": {"ml_gpu_server_memory_bytes"},
    "nvmlDeviceGetMigMode": set(),
    "nvmlDeviceGetTemperatureV,nvmlDeviceGetTemperature": {"ml_gpu_temperature_celsius"},
    "nvmlDeviceGetCurrentClocksEventReasons,nvmlDeviceGetCurrentClocksThrottleReasons": {
        "ml_gpu_clocks_event_active"
    },
}


@pytest.mark.parametrize("code", [3, 4, 10, 999])
def test_an_error_of_a_function_loses_its_series_alone(
    begin: Callable[..., GpuReader], gpus: Gpus, code: int
) -> None:
    whole = ("devices 2", f"process 0 {os.getpid()} 9", f"process 1 {os.getpid()} 9")
    all_of = {**expected("0", "1"), **{("ml_gpu_server_memory_bytes", gpu): 9.0 for gpu in "01"}}
    found = begin()
    gpus.say(*whole)
    for functions, lost in LOSES.items():
        gpus.say(*whole, *(f"{function}/1 {code}" for function in functions.split(",")))
        left = {key: value for key, value in all_of.items() if key[1] == "0" or key[0] not in lost}
        assert values(found, lambda last, left=left: last == left) == left, functions


def test_what_an_older_driver_lacks_is_asked_by_its_former_name(
    begin: Callable[..., GpuReader], gpus: Gpus
) -> None:
    gpus.say("nvmlDeviceGetTemperatureV 13", "nvmlDeviceGetCurrentClocksEventReasons 13")
    found = values(begin())
    assert found["ml_gpu_temperature_celsius", "0"] == 62
    assert found["ml_gpu_clocks_event_active", "0", "gpu_idle"] == 1
    assert found["ml_gpu_clocks_event_active", "0", "hw_thermal_slowdown"] == 0


def test_what_cannot_be_read_is_logged_once(
    begin: Callable[..., GpuReader], gpus: Gpus, caplog: pytest.LogCaptureFixture
) -> None:
    gpus.say("nvmlDeviceGetPowerUsage 999", "nvmlDeviceGetTotalEccErrors 3")
    found = begin()
    values(found)
    gpus.say("nvmlDeviceGetPowerUsage 999", "nvmlDeviceGetTotalEccErrors 3", "devices 2")
    values(found)
    told = [(record.gpu, record.what, record.error) for record in caplog.records]  # type: ignore[attr-defined]
    assert told == [("0", "power", "Unknown Error")]


def test_a_hanging_call_leaves_no_samples_and_waits_for_nobody(
    begin: Callable[..., GpuReader], gpus: Gpus
) -> None:
    found = begin()
    assert values(found) == expected("0")
    gpus.say("nvmlDeviceGetTemperatureV -1")
    failure(found, "GPUs: no answer within 0.5 s")
    (child,) = children()
    gpus.say()
    assert values(found) == expected("0")
    assert children() == [child], "the same process answers again"
    assert gpus.calls("open") == [child]


def test_a_library_that_hangs_while_it_opens_is_told_too(begin: Callable[..., GpuReader], gpus: Gpus) -> None:
    gpus.say("nvmlInitWithFlags -1")
    found = begin(Patience(answer=0.5, first=1.0, end=60.0, again=0.2, close=0.2))
    failure(found, "no answer within 1 s")
    gpus.say()
    assert values(found) == expected("0")


def test_a_call_that_hangs_for_good_is_ended_and_another_process_begins(
    begin: Callable[..., GpuReader], gpus: Gpus
) -> None:
    gpus.say("nvmlDeviceGetTemperatureV/0 -1")
    found = begin(Patience(answer=0.2, first=0.5, end=1.0, again=0.1, close=0.2))
    failure(found, "no answer within 0.5 s")
    (first,) = children()
    until(found, lambda last: bool(children()) and children() != [first])
    assert len(children()) == 1, "never two at a time"
    gpus.say()
    assert values(found) == expected("0")


def test_a_library_that_hangs_while_it_closes_is_ended_too(begin: Callable[..., GpuReader], gpus: Gpus) -> None:
    found = begin(Patience(answer=0.5, first=10.0, end=1.0, again=0.1, close=0.2))
    values(found)
    (first,) = children()
    gpus.say("nvmlDeviceGetCount_v2 999", "nvmlShutdown -1")
    failure(found, "Unknown Error")
    gpus.say("nvmlShutdown -1")
    assert values(found) == expected("0")
    assert len(children()) == 1, "never two at a time"
    assert children() != [first]


def test_the_end_of_a_hanging_child_holds_up_the_sidecar_for_its_patience_at_most(
    begin: Callable[..., GpuReader], gpus: Gpus
) -> None:
    gpus.say("nvmlDeviceGetTemperatureV -1")
    found = begin(Patience(answer=0.1, first=0.5, end=60.0, again=0.1, close=0.3))
    failure(found, "no answer")
    began = time.monotonic()
    found.close()
    assert time.monotonic() - began < 2.0
    assert children() == []


def test_closing_closes_the_library_and_leaves_no_process(begin: Callable[..., GpuReader], gpus: Gpus) -> None:
    found = begin()
    values(found)
    (child,) = children()
    found.close()
    assert children() == []
    assert gpus.calls("open") == gpus.calls("close") == [child]
    found.close()
    begin().close()


def test_a_child_that_is_killed_is_told_and_replaced(begin: Callable[..., GpuReader], gpus: Gpus) -> None:
    found = begin()
    values(found)
    (child,) = children()
    psutil.Process(child).kill()
    failure(found, "ended without an answer")
    assert values(found) == expected("0")
    assert children() != [child]


def test_signals_to_the_whole_group_do_not_cut_off_a_call(begin: Callable[..., GpuReader]) -> None:
    import signal

    found = begin()
    values(found)
    (child,) = children()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(child, number)
    time.sleep(0.1)
    values(found)
    assert children() == [child]


@pytest.mark.parametrize("function", ["nvmlDeviceGetPowerUsage", "nvmlDeviceGetHandleByIndex_v2"])
@pytest.mark.parametrize("code", [15, 16])
def test_a_lost_gpu_is_told_and_comes_back(
    begin: Callable[..., GpuReader], gpus: Gpus, function: str, code: int
) -> None:
    gpus.say("devices 2")
    found = begin()
    assert values(found) == expected("0", "1")
    gpus.say("devices 2", f"{function}/1 {code}")
    lost = {**expected("0"), ("ml_gpu_up", "1"): 0.0}
    assert values(found, lambda last: last == lost)
    until(found, lambda last: len(gpus.calls("open")) > 1)
    gpus.say("devices 2")
    assert values(found, lambda last: last == expected("0", "1"))
    assert len(children()) == 1


def test_a_gpu_that_never_answered_is_lost_from_the_start(begin: Callable[..., GpuReader], gpus: Gpus) -> None:
    gpus.say("devices 2", "nvmlDeviceGetHandleByIndex_v2/0 999")
    assert values(begin()) == {**expected("1"), ("ml_gpu_up", "0"): 0.0}


def test_a_gpu_that_is_not_ours_is_not_spoken_of(begin: Callable[..., GpuReader], gpus: Gpus) -> None:
    gpus.say("devices 2", "nvmlDeviceGetHandleByIndex_v2/0 4")
    assert values(begin()) == expected("1")


def test_numbers_stay_when_nvml_counts_anew(begin: Callable[..., GpuReader], gpus: Gpus) -> None:
    """With GPU 1 fallen off its bus, NVML calls GPU 2 the second; here it keeps its name."""
    gpus.say("devices 3")
    found = begin()
    values(found)
    gpus.say("devices 3", "gone 1", "nvmlDeviceGetPowerUsage/1 15")
    until(found, lambda last: len(gpus.calls("open")) > 1)
    wanted = {**expected("0", "2"), ("ml_gpu_up", "1"): 0.0}
    assert values(found, lambda last: last == wanted)
    gpus.say("devices 4")
    psutil.Process(children()[0]).kill()
    assert values(found, lambda last: last == expected("0", "1", "2", "3"))


@pytest.mark.parametrize("code", [9, 12])
def test_no_driver_is_no_failure_unless_there_was_one(
    begin: Callable[..., GpuReader], gpus: Gpus, code: int
) -> None:
    gpus.say(f"nvmlInitWithFlags {code}")
    silent = begin()
    end = time.monotonic() + 20
    while not children() and time.monotonic() < end:
        assert collect(silent) == {}
    while children() and time.monotonic() < end:
        assert collect(silent) == {}
    assert not children(), "nobody waits for a driver that is not there"
    gpus.say()
    found = begin()
    values(found)
    gpus.say(f"nvmlInitWithFlags {code}", f"nvmlDeviceGetCount_v2 {code}")
    failure(found, "Driver Not Loaded" if code == 9 else "Not Found")
    gpus.say()
    assert values(found) == expected("0")


@pytest.mark.parametrize(("code", "text"), [(4, "Insufficient Permissions"), (18, "mismatch"), (999, "Unknown")])
def test_an_nvml_that_does_not_open_is_told_and_tried_again(
    begin: Callable[..., GpuReader], gpus: Gpus, code: int, text: str
) -> None:
    gpus.say(f"nvmlInitWithFlags {code}")
    found = begin()
    failure(found, text)
    gpus.say()
    assert values(found) == expected("0")


def test_no_gpus_are_no_samples(begin: Callable[..., GpuReader], gpus: Gpus) -> None:
    gpus.say("devices 0")
    found = begin()
    until(found, lambda last: len(gpus.calls("open")) > 0)
    assert collect(found) == {}


def test_a_program_that_cannot_be_started_is_told() -> None:
    child = Child(["/nowhere/python"], SOON)
    with pytest.raises(ResourceError, match="cannot be started: No such file or directory"):
        child.ask()
    assert child.ask() is False
    child.close()


def test_without_a_server_or_the_library_nothing_is_started_and_nothing_is_loaded() -> None:
    """In a process of its own, whose library search finds none."""
    code = (
        "import sys, ctypes\n"
        "from ml_exporter.resources.gpu import reader\n"
        "from ml_exporter.resources.target import Target\n"
        "def none(name, *more): raise OSError(name)\n"
        "assert reader(Target()) is None\n"
        "ctypes.CDLL = none\n"
        "assert reader(Target(pid=1)) is None\n"
        "assert 'pynvml' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert reader(Target()) is None
