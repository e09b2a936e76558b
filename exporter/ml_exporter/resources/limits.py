"""What the model server may use: the memory and CPU limits of its cgroup, or the machine's where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import psutil

from ml_exporter.core.errors import ResourceError
from ml_exporter.core.metrics import Block, Collector, gauge, one
from ml_exporter.resources.target import Target

_MEMORY: Final = gauge(
    "ml_server_memory_limit_bytes",
    "Memory that the model server may use: the lowest limit of its cgroups, else the machine's memory.",
)
_CPU: Final = gauge(
    "ml_server_cpu_limit_cores",
    "CPU that the model server may use: the lowest quota of its cgroups, else the CPUs it may run on.",
)
_UNLIMITED: Final = 1 << 62
"""From here on version 1 means no limit: it writes the largest multiple of a page below 2^63."""


class LimitsReader:
    """Reads the limits of a process's cgroup and of all above it; both versions of cgroups.

    ``root`` is where ``proc`` and ``sys/fs/cgroup`` are found. A container that sees only its own part of the
    hierarchy finds its own limits at the top of it.
    """

    key = "limits"
    metrics = (_MEMORY, _CPU)

    def __init__(self, target: Target, root: Path = Path("/")) -> None:
        self._target = target
        self._root = root

    def collect(self) -> Iterable[Block]:
        """Yield both limits; nothing while the process is not there."""
        try:
            pid = self._target.find()
            groups = (self._root / f"proc/{pid}/cgroup").read_text()
            cores = float(len(os.sched_getaffinity(pid)))
        except (OSError, ResourceError):
            return
        memory = float(psutil.virtual_memory().total)
        for line in groups.splitlines():
            _, controllers, path = line.split(":", 2)
            names = controllers.split(",")
            if not controllers:
                for folder in self._folders("", path):
                    memory = min(memory, _number(folder / "memory.max", memory))
                    cores = min(cores, _share((folder / "cpu.max"), cores))
            if "memory" in names:
                for folder in self._folders("memory", path):
                    found = _number(folder / "memory.limit_in_bytes", memory)
                    memory = min(memory, found if found < _UNLIMITED else memory)
            if "cpu" in names:
                for folder in self._folders(controllers, path):
                    quota = _number(folder / "cpu.cfs_quota_us", -1.0)
                    period = _number(folder / "cpu.cfs_period_us", 0.0)
                    cores = min(cores, quota / period if quota > 0 and period > 0 else cores)
        yield one(_MEMORY, memory)
        yield one(_CPU, cores)

    def _folders(self, controller: str, path: str) -> Iterator[Path]:
        top = self._root / "sys/fs/cgroup" / controller
        folder = top / path.lstrip("/")
        yield folder
        while folder != top and top in folder.parents:
            folder = folder.parent
            yield folder


def _number(path: Path, otherwise: float) -> float:
    try:
        return float(path.read_text())
    except (OSError, ValueError):
        return otherwise  # not there, or "max"


def _share(path: Path, otherwise: float) -> float:
    try:
        quota, period = path.read_text().split()
        return float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):
        return otherwise


def reader(target: Target) -> Collector | None:
    """Return the reader of the model server's limits, if one is watched."""
    return LimitsReader(target) if target.is_set else None
