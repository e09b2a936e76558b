"""What is exposed about GPUs, and how an answer of :mod:`ml_exporter.resources.gpu_nvml` becomes samples."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import numpy as np

from ml_exporter.core.metrics import Block, Metric, Rows, counter, gauge, info

_UP: Final = gauge(
    "ml_gpu_up",
    "1 if the GPU answers, 0 if it is lost: the driver says so, or it was there and is not.",
    "gpu",
)
_INFO: Final = info("ml_gpu_info", "The GPU of a number.", "gpu", "uuid", "name", "driver_version")
_SERVER: Final = gauge(
    "ml_gpu_server_memory_bytes",
    "Memory of the GPU that the model server's processes use; only of GPUs on which it has a process.",
    "gpu",
)
_MIG_INFO: Final = info("ml_gpu_mig_info", "The MIG device of a number.", "gpu", "mig", "uuid", "name")
_MIG_SERVER: Final = gauge(
    "ml_gpu_mig_server_memory_bytes",
    "Memory of the MIG device that the model server's processes use; only of those on which it has a process.",
    *("gpu", "mig"),
)
_READ: Final = (
    gauge(
        "ml_gpu_utilization_ratio",
        "Share of the driver's last sample period, at most 1 s, in which a kernel ran on the GPU.",
        "gpu",
    ),
    gauge(
        "ml_gpu_memory_utilization_ratio",
        "Share of that period in which the GPU's memory was read or written; not how full it is.",
        "gpu",
    ),
    gauge("ml_gpu_memory_used_bytes", "Memory of the GPU in use, the driver's reserve included.", "gpu"),
    gauge("ml_gpu_memory_total_bytes", "Memory of the GPU.", "gpu"),
    gauge("ml_gpu_power_watts", "Power that the GPU and its memory draw.", "gpu"),
    gauge("ml_gpu_power_limit_watts", "Power limit in force: the lowest of all.", "gpu"),
    counter("ml_gpu_energy_joules_total", "Energy used since the driver was loaded.", "gpu"),
    gauge("ml_gpu_temperature_celsius", "Temperature of the GPU's die.", "gpu"),
    gauge("ml_gpu_clock_hertz", "Clock now, of the multiprocessors (sm) and of the memory.", "gpu", "clock"),
    gauge(
        "ml_gpu_clocks_event_active",
        "1 if the reason holds the GPU's clocks down now, else 0; idle and power cap are usual.",
        *("gpu", "reason"),
    ),
    counter(
        "ml_gpu_ecc_errors_total",
        "Memory errors, by whether they were corrected, since the driver was loaded or the GPU was reset.",
        *("gpu", "error"),
    ),
    counter(
        "ml_gpu_ecc_lifetime_errors_total",
        "Memory errors, by whether they were corrected, in the life of the GPU.",
        *("gpu", "error"),
    ),
    gauge("ml_gpu_pcie_transmit_bytes_per_second", "Sent by the GPU over PCIe, measured over 20 ms.", "gpu"),
    gauge("ml_gpu_pcie_receive_bytes_per_second", "Received by the GPU over PCIe, measured over 20 ms.", "gpu"),
    gauge("ml_gpu_pcie_link_generation", "PCIe generation of the link now; lower while the GPU is idle.", "gpu"),
    gauge("ml_gpu_pcie_link_width_lanes", "PCIe lanes of the link now.", "gpu"),
    gauge(
        "ml_gpu_mig_memory_used_bytes",
        "Memory of the MIG device in use, the driver's reserve included.",
        *("gpu", "mig"),
    ),
    gauge("ml_gpu_mig_memory_total_bytes", "Memory of the MIG device.", "gpu", "mig"),
)
METRICS: Final = (_UP, _INFO, *_READ, _SERVER, _MIG_INFO, _MIG_SERVER)
_BY_NAME: Final = {metric.name: metric for metric in METRICS}


class Numbers:
    """The number under which each GPU is shown: that of NVML when it was first seen, kept for its UUID.

    NVML counts the GPUs that it finds when it is opened: once one has fallen off its bus, those behind it move up.
    """

    def __init__(self) -> None:
        self._of: dict[str, str] = {}

    def of(self, uuid: str, index: int) -> str:
        """Return the number of a GPU; one that has never answered has the name ``index`` until it does."""
        if uuid and uuid not in self._of:
            taken = set(self._of.values())
            free = (str(number) for number in (index, *range(len(taken) + 1)))
            self._of[uuid] = next(number for number in free if number not in taken)
        return self._of.get(uuid, str(index))

    def all(self) -> list[str]:
        """Return every number that was given."""
        return list(self._of.values())


def blocks(answer: Mapping[str, Any], numbers: Numbers, tree: Collection[int]) -> list[Block]:
    """Return the samples of an answer; ``tree`` are the process ids of the model server.

    A GPU that was there at an earlier answer and is not in this one is lost.
    """
    found: dict[Metric, dict[tuple[str, ...], float]] = {}
    up: dict[tuple[str, ...], float] = {}
    for device in answer["devices"]:
        gpu = numbers.of(device["uuid"], device["index"])
        if "lost" in device:
            up.setdefault((gpu,), 0.0)
            continue
        up[gpu,] = 1.0
        found.setdefault(_INFO, {})[gpu, device["uuid"], device["name"], answer["driver"]] = 1.0
        _add(found, (gpu,), device, _SERVER, tree)
        for mig in device["migs"]:
            of = (gpu, str(mig["index"]))
            found.setdefault(_MIG_INFO, {})[*of, mig["uuid"], mig["name"]] = 1.0
            _add(found, of, mig, _MIG_SERVER, tree)
    for gpu in numbers.all():
        up.setdefault((gpu,), 0.0)
    if up:
        found[_UP] = up
    return [
        Block(metric, (), Rows(tuple(rows)), np.array(list(rows.values())))
        for metric in METRICS
        if (rows := found.get(metric))
    ]


def _add(
    found: dict[Metric, dict[tuple[str, ...], float]],
    of: tuple[str, ...],
    device: Mapping[str, Any],
    server: Metric,
    tree: Collection[int],
) -> None:
    for name, labels, value in device["values"]:
        found.setdefault(_BY_NAME[name], {})[*of, *labels] = value
    own = [used for pid, used in device["processes"] if pid in tree]
    if own:
        found.setdefault(server, {})[of] = float(sum(own))


def problems(answer: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield where, what and why of everything in an answer that could not be read."""
    for device in answer["devices"]:
        where = str(device["index"])
        if "lost" in device:
            yield where, "gpu", device["lost"]
            continue
        yield from ((where, what, why) for what, why in device["errors"].items())
        for mig in device["migs"]:
            yield from ((f"{where} mig {mig['index']}", what, why) for what, why in mig["errors"].items())


def pids(answer: Mapping[str, Any]) -> set[int]:
    """Return the ids of all processes that use a GPU."""
    devices = [part for device in answer["devices"] if "lost" not in device for part in (device, *device["migs"])]
    return {pid for device in devices for pid, _ in device["processes"]}
