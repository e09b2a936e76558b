"""What the model server reads from disks and writes to them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import psutil

from ml_exporter.core.metrics import Block, Collector, counter, one
from ml_exporter.resources import procfs
from ml_exporter.resources.growth import Growth, Key
from ml_exporter.resources.reader import ServerReader
from ml_exporter.resources.target import Target

_READ: Final = counter(
    "ml_server_disk_read_bytes_total",
    "Bytes that the model server's processes had fetched from disks since this exporter watches them.",
)
_WRITTEN: Final = counter(
    "ml_server_disk_written_bytes_total",
    "Bytes that the model server's processes had sent to disks since this exporter watches them.",
)


class DiskReader(ServerReader):
    """Reads ``io`` of each process at each collection; it needs the right to trace the process.

    A process takes over the counts of a child that it waited for, so these are kept from counting twice.
    """

    key = "disk"
    metrics = (_READ, _WRITTEN)

    def __init__(self, target: Target, root: Path = Path("/")) -> None:
        super().__init__(target, root)
        self._read = Growth()
        self._written = Growth()

    def collect(self) -> Iterable[Block]:
        """Yield both counters; nothing while the process is not there."""
        tree = self._target.known()
        if tree is None:
            return
        keys: dict[int, Key] = {}
        above: dict[int, int] = {}
        read: dict[Key, float] = {}
        written: dict[Key, float] = {}
        for process in tree.processes:
            counts = procfs.fields(self._root / f"proc/{process.pid}/io")
            try:
                key = (process.pid, process.create_time())
                above[process.pid] = process.ppid()
            except psutil.Error:
                continue
            if counts:
                keys[process.pid] = key
                read[key] = float(counts["read_bytes"])
                written[key] = float(counts["write_bytes"])
        parents = {key: keys[above[pid]] for pid, key in keys.items() if above[pid] in keys}
        yield one(_READ, self._read.add(read, parents))
        yield one(_WRITTEN, self._written.add(written, parents))


def reader(target: Target) -> Collector | None:
    """Return the reader of the model server's disk traffic, if one is watched."""
    return DiskReader(target) if target.is_set else None
