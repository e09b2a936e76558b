"""What the model server may use: the memory and CPU limits of its cgroup, or the machine's where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import psutil

from ml_exporter.core.metrics import Block, Collector, gauge, one
from ml_exporter.resources import cgroups
from ml_exporter.resources.cgroups import Cgroup, number
from ml_exporter.resources.reader import ServerReader
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


class LimitsReader(ServerReader):
    """Reads the limits of a process's cgroup and of all above it; both versions of cgroups."""

    key = "limits"
    metrics = (_MEMORY, _CPU)

    def collect(self) -> Iterable[Block]:
        """Yield both limits; nothing while the process is not there."""
        group = cgroups.of(self._target, self._root, "memory")
        if group is not None:
            _, memory = lowest_memory(group)
            machine = float(psutil.virtual_memory().total)
            yield one(_MEMORY, machine if memory is None else min(memory, machine))
        group, usable = cgroups.of(self._target, self._root, "cpu"), self._usable()
        if group is not None and usable:
            _, cores = lowest_cpu(group)
            yield one(_CPU, usable if cores is None else min(cores, usable))

    def _usable(self) -> float:
        tree = self._target.known()
        try:
            return float(len(os.sched_getaffinity(tree.root.pid))) if tree else 0.0
        except ProcessLookupError:
            return 0.0


def lowest_memory(group: Cgroup) -> tuple[Path | None, float | None]:
    """Return the folder with the lowest memory limit, and the limit in bytes; None and None without one."""
    name = "memory.max" if group.version == 2 else "memory.limit_in_bytes"
    return _lowest((folder, number(folder / name)) for folder in group.folders)


def lowest_cpu(group: Cgroup) -> tuple[Path | None, float | None]:
    """Return the folder with the lowest CPU quota, and the quota in cores; None and None without one."""
    return _lowest((folder, _quota(folder, group.version)) for folder in group.folders)


def _lowest(limits: Iterable[tuple[Path, float | None]]) -> tuple[Path | None, float | None]:
    found: tuple[Path | None, float | None] = (None, None)
    for folder, limit in limits:
        if limit is not None and limit < (_UNLIMITED if found[1] is None else found[1]):
            found = folder, limit
    return found


def _quota(folder: Path, version: int) -> float | None:
    if version == 1:
        quota, period = number(folder / "cpu.cfs_quota_us"), number(folder / "cpu.cfs_period_us")
    else:
        try:
            quota, period = map(float, (folder / "cpu.max").read_text().split())
        except (OSError, ValueError):
            return None  # not there, or "max"
    return quota / period if quota and period and quota > 0 else None


def reader(target: Target) -> Collector | None:
    """Return the reader of the model server's limits, if one is watched."""
    return LimitsReader(target) if target.is_set else None
