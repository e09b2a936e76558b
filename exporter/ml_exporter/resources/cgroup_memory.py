"""Memory that the kernel charges to the model server's cgroup, and how often it killed for want of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ml_exporter.core.metrics import Block, Collector, counter, gauge, one
from ml_exporter.resources import cgroups
from ml_exporter.resources.limits import lowest_memory
from ml_exporter.resources.reader import ServerReader
from ml_exporter.resources.target import Target

_MEMORY: Final = gauge(
    "ml_server_cgroup_memory_bytes",
    "Memory charged to the model server's cgroup with the lowest memory limit, else to its own, caches included.",
)
_WORKING_SET: Final = gauge(
    "ml_server_cgroup_working_set_bytes",
    "The same without files that were not used lately: what cannot be given back, as Kubernetes counts it.",
)
_KILLS: Final = counter(
    "ml_server_oom_kills_total",
    "Processes of the model server's cgroup that the kernel killed for want of memory, since it is there.",
)


class CgroupMemoryReader(ServerReader):
    """Reads what is charged where the limit is, and kills of the own group, both versions of cgroups.

    A container that is started anew has a new group: a kill that ended all of the old one is not seen here.
    """

    key = "cgroup_memory"
    metrics = (_MEMORY, _WORKING_SET, _KILLS)

    def collect(self) -> Iterable[Block]:
        """Yield what the kernel tells of the group; the topmost group of a machine has none of it."""
        group = cgroups.of(self._target, self._root, "memory")
        if group is None:
            return
        folder = lowest_memory(group)[0]
        if folder is None:
            if group.is_machine:
                return
            folder = group.own
        modern = group.version == 2
        used = cgroups.number(folder / ("memory.current" if modern else "memory.usage_in_bytes"))
        if used is not None:
            yield one(_MEMORY, used)
            stat = cgroups.numbers(folder / "memory.stat")
            idle = stat.get("inactive_file" if modern else "total_inactive_file")
            if idle is not None:
                yield one(_WORKING_SET, max(used - idle, 0.0))
        events = cgroups.numbers(group.own / ("memory.events" if modern else "memory.oom_control"))
        if "oom_kill" in events:
            yield one(_KILLS, events["oom_kill"])


def reader(target: Target) -> Collector | None:
    """Return the reader of the memory of the model server's cgroup, if one is watched."""
    return CgroupMemoryReader(target) if target.is_set else None
