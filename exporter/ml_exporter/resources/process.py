"""CPU, memory and size of the model server: its process and all descendants, summed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import psutil

from ml_exporter.core.errors import NotRunningError
from ml_exporter.core.metrics import Block, Collector, counter, gauge, one
from ml_exporter.resources.boot import started_at
from ml_exporter.resources.growth import Growth, Key
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
_THREADS: Final = gauge("ml_server_threads", "Threads of the model server's processes, summed.")
_START: Final = gauge("ml_server_start_timestamp_seconds", "Time at which the model server's process started.")
_RESTARTS: Final = counter(
    "ml_server_restarts_total",
    "Times that another process took the model server's place since this exporter watches it.",
)


class ProcessReader:
    """Reads the process tree at each collection.

    The CPU counter adds up what each process used since it was first seen, so it never falls when a
    worker ends. Memory counts pages shared between workers once for each of them.
    """

    key = "process"
    metrics = (_UP, _CPU, _MEMORY, _PROCESSES, _THREADS, _START, _RESTARTS)

    def __init__(self, target: Target) -> None:
        self._target = target
        self._cpu = Growth()
        self._last: Key | None = None
        self._restarts = 0

    def collect(self) -> Iterable[Block]:
        """Yield the samples; while the process is not there only ``ml_server_up`` 0 and what was counted."""
        try:
            tree = self._target.tree()
        except NotRunningError:
            yield one(_UP, 0)
            yield one(_RESTARTS, self._restarts)
            return
        memory, threads = 0, 0
        used: dict[Key, float] = {}
        for process in tree.processes:
            try:
                with process.oneshot():
                    times, size, count = process.cpu_times(), process.memory_info().rss, process.num_threads()
                    key = (process.pid, process.create_time())
            except psutil.Error:
                continue  # it ended between the listing and the reading
            used[key] = times.user + times.system
            memory += size
            threads += count
        root = (tree.root.pid, tree.started)
        if root not in used:
            yield one(_UP, 0)
            yield one(_RESTARTS, self._restarts)
            return
        self._restarts += self._last not in (None, root)
        self._last = root
        yield one(_UP, 1)
        yield one(_CPU, self._cpu.add(used))
        yield one(_MEMORY, memory)
        yield one(_PROCESSES, len(used))
        yield one(_THREADS, threads)
        yield one(_START, started_at(tree.started))
        yield one(_RESTARTS, self._restarts)


def reader(target: Target) -> Collector | None:
    """Return the reader of the model server's processes, if one is watched."""
    return ProcessReader(target) if target.is_set else None
