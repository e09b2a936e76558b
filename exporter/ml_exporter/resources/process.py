"""CPU and memory of the model server: its process and all descendants, summed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import psutil

from ml_exporter.core.errors import ResourceError
from ml_exporter.core.metrics import Block, Collector, counter, gauge, one
from ml_exporter.resources.target import Target

_UP: Final = gauge("ml_server_up", "1 if the process of the model server runs, else 0.")
_CPU: Final = counter(
    "ml_server_cpu_seconds_total",
    "CPU time, user and system, of the model server's processes since this exporter watches them.",
)
_MEMORY: Final = gauge(
    "ml_server_resident_memory_bytes", "Resident memory of the model server's processes, summed."
)
_PROCESSES: Final = gauge("ml_server_processes", "Processes of the model server.")
_START: Final = gauge("ml_server_start_timestamp_seconds", "Time at which the model server's process started.")


class ProcessReader:
    """Reads the process tree at each collection.

    The CPU counter adds up what each process used since it was first seen, so it never falls when a
    worker ends. Memory counts pages shared between workers once for each of them.
    """

    key = "process"
    metrics = (_UP, _CPU, _MEMORY, _PROCESSES, _START)

    def __init__(self, target: Target) -> None:
        self._target = target
        self._seen: dict[tuple[int, float], float] = {}
        self._cpu = 0.0

    def collect(self) -> Iterable[Block]:
        """Yield the samples; only ``ml_server_up`` 0 while the process is not there."""
        try:
            root = psutil.Process(self._target.find())
            tree = [root, *root.children(recursive=True)]
            started = root.create_time()
        except (psutil.Error, ResourceError):
            yield one(_UP, 0)
            return
        memory, count = 0, 0
        seen: dict[tuple[int, float], float] = {}
        for process in tree:
            try:
                with process.oneshot():
                    times, size = process.cpu_times(), process.memory_info().rss
                    key = (process.pid, process.create_time())
            except psutil.Error:
                continue  # it ended between the listing and the reading
            used = times.user + times.system
            self._cpu += max(used - self._seen.get(key, 0.0 if self._seen else used), 0.0)
            seen[key] = used
            memory += size
            count += 1
        self._seen = seen
        yield one(_UP, 1)
        yield one(_CPU, self._cpu)
        yield one(_MEMORY, memory)
        yield one(_PROCESSES, count)
        yield one(_START, started)


def reader(target: Target) -> Collector | None:
    """Return the reader of the model server's processes, if one is watched."""
    return ProcessReader(target) if target.is_set else None
