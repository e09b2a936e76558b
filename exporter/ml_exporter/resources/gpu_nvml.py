"""The process that speaks with NVML: for each line on its input it reads all GPUs and writes one line of JSON.

The sidecar runs this file as a program of its own (see :mod:`ml_exporter.resources.gpu_child`), so it imports
nothing of the package: no numpy is loaded for it. Its argument is the time in seconds after which NVML is opened
anew while a GPU is lost: only that shows whether it is back. It ends with its input; signals that a terminal or a
service manager sends to a whole group are ignored, so that none cuts off a call into the driver.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

Found = Iterable[tuple[str, tuple[str, ...], float]]
"""Metric, the label values behind those of the device, and the value in base units."""

REASONS: Final = {
    0x001: "gpu_idle",
    0x002: "applications_clocks_setting",
    0x004: "sw_power_cap",
    0x008: "hw_slowdown",
    0x010: "sync_boost",
    0x020: "sw_thermal_slowdown",
    0x040: "hw_thermal_slowdown",
    0x080: "hw_power_brake_slowdown",
    0x100: "display_clock_setting",
}
"""Bits of nvml.h, the same in every version; what later versions add is ``other``."""

_UNKNOWN: Final = (2**32 - 1, 2**64 - 1)
"""NVML_VALUE_NOT_AVAILABLE, in place of an error."""


class Session:
    """NVML, opened; :meth:`read` returns what is true of all devices now."""

    def __init__(self, again: float) -> None:
        import pynvml

        self._nvml: Any = pynvml
        self._again = again
        pynvml.nvmlInit()
        self._uuids: dict[int, str] = {}
        self._lost_since: float | None = None
        self._gone = {pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED}

    def close(self) -> None:
        """Tell NVML that this was all."""
        self._nvml.nvmlShutdown()

    def read(self) -> dict[str, Any]:
        """Return the driver's version and every device, a lost one with the reason; NVMLError if NVML fails."""
        nvml = self._nvml
        if self._lost_since is not None and time.monotonic() - self._lost_since > self._again:
            nvml.nvmlShutdown()
            nvml.nvmlInit()
            self._uuids, self._lost_since = {}, None
        devices = [self._device(index) for index in range(nvml.nvmlDeviceGetCount())]
        if self._lost_since is None and any(device and "lost" in device for device in devices):
            self._lost_since = time.monotonic()
        return {"driver": nvml.nvmlSystemGetDriverVersion(), "devices": [device for device in devices if device]}

    def _device(self, index: int) -> dict[str, Any] | None:
        """Return one device; None if it is another user's."""
        nvml = self._nvml
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            uuid = self._uuids[index] = nvml.nvmlDeviceGetUUID(handle)
            device: dict[str, Any] = {"index": index, "uuid": uuid, "name": nvml.nvmlDeviceGetName(handle)}
            device |= self._read(handle, _READINGS)
            device["migs"] = self._migs(handle)
            return device
        except nvml.NVMLError as error:
            if error.value == nvml.NVML_ERROR_NO_PERMISSION:
                return None
            return {"index": index, "uuid": self._uuids.get(index, ""), "lost": str(error)}

    def _migs(self, handle: Any) -> list[dict[str, Any]]:
        nvml = self._nvml
        found: list[dict[str, Any]] = []
        try:
            if nvml.nvmlDeviceGetMigMode(handle)[0] != nvml.NVML_DEVICE_MIG_ENABLE:
                return found
            numbers = range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle))
        except nvml.NVMLError as error:
            self._raise_if_gone(error)
            return found  # a device, or a driver, that has no MIG
        for number in numbers:
            try:
                mig = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number)
                facts = {"uuid": nvml.nvmlDeviceGetUUID(mig), "name": nvml.nvmlDeviceGetName(mig)}
                found.append({"index": number, **facts, **self._read(mig, _MIG_READINGS)})
            except nvml.NVMLError as error:
                self._raise_if_gone(error)  # else there is none of this number
        return found

    def _read(self, handle: Any, readings: Iterable[Callable[[Any, Any], Found]]) -> dict[str, Any]:
        """Return the values of a device, why some are not there, and the memory of its processes."""
        nvml = self._nvml
        values: list[tuple[str, tuple[str, ...], float]] = []
        errors: dict[str, str] = {}
        for reading in readings:
            try:
                values += [value for value in reading(nvml, handle) if value[2] is not None]
            except nvml.NVMLError as error:
                self._raise_if_gone(error)
                errors[reading.__name__.strip("_")] = str(error)
        processes: list[tuple[int, int]] = []
        try:
            running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
            processes = [(one.pid, one.usedGpuMemory) for one in running if one.usedGpuMemory is not None]
        except nvml.NVMLError as error:
            self._raise_if_gone(error)
            errors["processes"] = str(error)
        return {"values": values, "errors": errors, "processes": processes}

    def _raise_if_gone(self, error: Any) -> None:
        if error.value in self._gone:
            raise error


def _first(nvml: Any, calls: Iterable[tuple[str, tuple[Any, ...]]]) -> Any:
    """Return what the first function says that the driver has: newer names come first."""
    missing: Exception | None = None
    for name, given in calls:
        try:
            return getattr(nvml, name)(*given)
        except AttributeError:
            continue  # the bindings are older
        except nvml.NVMLError as error:
            if error.value not in (nvml.NVML_ERROR_FUNCTION_NOT_FOUND, nvml.NVML_ERROR_NOT_SUPPORTED):
                raise
            missing = error
    raise missing or nvml.NVMLError(nvml.NVML_ERROR_FUNCTION_NOT_FOUND)


def _scaled(value: int, factor: float) -> Any:
    return None if value in _UNKNOWN else value * factor


def _utilization(nvml: Any, handle: Any) -> Found:
    rates = nvml.nvmlDeviceGetUtilizationRates(handle)
    yield "ml_gpu_utilization_ratio", (), _scaled(rates.gpu, 0.01)
    yield "ml_gpu_memory_utilization_ratio", (), _scaled(rates.memory, 0.01)


def _memory(nvml: Any, handle: Any) -> Found:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    yield "ml_gpu_memory_used_bytes", (), _scaled(memory.used, 1)
    yield "ml_gpu_memory_total_bytes", (), _scaled(memory.total, 1)


def _mig_memory(nvml: Any, handle: Any) -> Found:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    yield "ml_gpu_mig_memory_used_bytes", (), _scaled(memory.used, 1)
    yield "ml_gpu_mig_memory_total_bytes", (), _scaled(memory.total, 1)


def _power(nvml: Any, handle: Any) -> Found:
    yield "ml_gpu_power_watts", (), _scaled(nvml.nvmlDeviceGetPowerUsage(handle), 1e-3)


def _power_limit(nvml: Any, handle: Any) -> Found:
    yield "ml_gpu_power_limit_watts", (), _scaled(nvml.nvmlDeviceGetEnforcedPowerLimit(handle), 1e-3)


def _energy(nvml: Any, handle: Any) -> Found:
    yield "ml_gpu_energy_joules_total", (), _scaled(nvml.nvmlDeviceGetTotalEnergyConsumption(handle), 1e-3)


def _temperature(nvml: Any, handle: Any) -> Found:
    given = (handle, nvml.NVML_TEMPERATURE_GPU)
    found = _first(nvml, (("nvmlDeviceGetTemperatureV", given), ("nvmlDeviceGetTemperature", given)))
    yield "ml_gpu_temperature_celsius", (), _scaled(found, 1)


def _clock_sm(nvml: Any, handle: Any) -> Found:
    yield "ml_gpu_clock_hertz", ("sm",), _scaled(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM), 1e6)


def _clock_memory(nvml: Any, handle: Any) -> Found:
    found = nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM)
    yield "ml_gpu_clock_hertz", ("memory",), _scaled(found, 1e6)


def _clocks_event(nvml: Any, handle: Any) -> Found:
    names = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
    bits = _first(nvml, ((name, (handle,)) for name in names))
    for bit, reason in REASONS.items():
        yield "ml_gpu_clocks_event_active", (reason,), float(bool(bits & bit))
    yield "ml_gpu_clocks_event_active", ("other",), float(bool(bits & ~sum(REASONS)))


def _ecc(name: str, error: str, kind: str, counter: str) -> Callable[[Any, Any], Found]:
    def ecc(nvml: Any, handle: Any) -> Found:
        found = nvml.nvmlDeviceGetTotalEccErrors(handle, getattr(nvml, kind), getattr(nvml, counter))
        yield name, (error,), _scaled(found, 1)

    ecc.__name__ = f"{name.removeprefix('ml_gpu_').removesuffix('_total')}_{error}"
    return ecc


def _pcie_transmit(nvml: Any, handle: Any) -> Found:
    found = nvml.nvmlDeviceGetPcieThroughput(handle, nvml.NVML_PCIE_UTIL_TX_BYTES)
    yield "ml_gpu_pcie_transmit_bytes_per_second", (), _scaled(found, 1e3)


def _pcie_receive(nvml: Any, handle: Any) -> Found:
    found = nvml.nvmlDeviceGetPcieThroughput(handle, nvml.NVML_PCIE_UTIL_RX_BYTES)
    yield "ml_gpu_pcie_receive_bytes_per_second", (), _scaled(found, 1e3)


def _pcie_generation(nvml: Any, handle: Any) -> Found:
    yield "ml_gpu_pcie_link_generation", (), _scaled(nvml.nvmlDeviceGetCurrPcieLinkGeneration(handle), 1)


def _pcie_width(nvml: Any, handle: Any) -> Found:
    yield "ml_gpu_pcie_link_width_lanes", (), _scaled(nvml.nvmlDeviceGetCurrPcieLinkWidth(handle), 1)


_READINGS: Final = (
    *(_utilization, _memory, _power, _power_limit, _energy, _temperature, _clock_sm, _clock_memory, _clocks_event),
    *(
        _ecc(name, error, kind, counter)
        for name, counter in (
            ("ml_gpu_ecc_errors_total", "NVML_VOLATILE_ECC"),
            ("ml_gpu_ecc_lifetime_errors_total", "NVML_AGGREGATE_ECC"),
        )
        for error, kind in (
            ("corrected", "NVML_MEMORY_ERROR_TYPE_CORRECTED"),
            ("uncorrected", "NVML_MEMORY_ERROR_TYPE_UNCORRECTED"),
        )
    ),
    *(_pcie_transmit, _pcie_receive, _pcie_generation, _pcie_width),
)
_MIG_READINGS: Final = (_mig_memory,)


def main() -> None:
    """Answer until the input ends or NVML itself fails; the sidecar begins a new process then."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    session: Session | None = None
    with suppress(BrokenPipeError):  # the sidecar is gone
        while sys.stdin.readline():
            try:
                session = session or Session(float(sys.argv[1]))
                answer = session.read()
            except Exception as error:
                answer = {"error": f"{error}", "code": getattr(error, "value", None)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
            if "error" in answer:
                break
    if session is not None:
        with suppress(Exception):
            session.close()


if __name__ == "__main__":
    main()
