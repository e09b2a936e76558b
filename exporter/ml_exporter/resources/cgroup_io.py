"""What the model server's cgroup reads from each disk and writes to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ml_exporter.core.metrics import Block, Collector, counter
from ml_exporter.resources import cgroups
from ml_exporter.resources.devices import Devices
from ml_exporter.resources.reader import ServerReader
from ml_exporter.resources.target import Target

_BYTES: Final = counter(
    "ml_server_cgroup_io_bytes_total",
    "Bytes that the model server's cgroup read from a disk or wrote to it, since there is that cgroup.",
    *("device", "direction"),
)
_DIRECTIONS: Final = ("read", "write")


class CgroupIoReader(ServerReader):
    """Reads ``io.stat``, or ``blkio.throttle.io_service_bytes`` , but not of the machine's topmost group."""

    key = "cgroup_io"
    metrics = (_BYTES,)

    def __init__(self, target: Target, root: Path = Path("/")) -> None:
        super().__init__(target, root)
        self._devices = Devices()
        self._names: dict[str, str] = {}

    def collect(self) -> Iterable[Block]:
        """Yield the counters of the kernel by disk."""
        group = cgroups.of(self._target, self._root, "blkio")
        if group is None or group.is_machine:
            return
        if group.version == 1:
            found = dict(_old(group.own / "blkio.throttle.io_service_bytes"))
        else:
            found = dict(_new(group.own / "io.stat"))
        if found:
            named = {self._name(device): counts for device, counts in found.items()}
            rows, values = self._devices.series(named, _DIRECTIONS)
            if len(rows):
                yield Block(_BYTES, (), rows, values)

    def _name(self, device: str) -> str:
        """Return the name of a device such as ``8:0``; that itself where the name cannot be told."""
        if device not in self._names:
            try:
                name = (self._root / "sys/dev/block" / device).resolve(strict=True).name
            except OSError:
                name = device
            self._names[device] = name
        return self._names[device]


def _new(path: Path) -> Iterator[tuple[str, tuple[float, ...]]]:
    for device, *rest in _lines(path):
        counts = dict(part.partition("=")[::2] for part in rest)
        if "rbytes" in counts:
            yield device, (float(counts["rbytes"]), float(counts["wbytes"]))


def _old(path: Path) -> Iterator[tuple[str, tuple[float, ...]]]:
    counts: dict[str, dict[str, float]] = {}
    for fields in _lines(path):
        if len(fields) == 3:
            counts.setdefault(fields[0], {})[fields[1]] = float(fields[2])
    for device, found in counts.items():
        yield device, (found.get("Read", 0.0), found.get("Write", 0.0))


def _lines(path: Path) -> list[list[str]]:
    try:
        return [line.split() for line in path.read_text().splitlines() if line.strip()]
    except OSError:
        return []


def reader(target: Target) -> Collector | None:
    """Return the reader of the disk traffic of the model server's cgroup, if one is watched."""
    return CgroupIoReader(target) if target.is_set else None
