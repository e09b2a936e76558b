"""Time that was lost waiting for CPU, memory and disks: the kernel's pressure stall information."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from ml_exporter.core.metrics import Block, Collector, Rows, counter
from ml_exporter.resources import cgroups
from ml_exporter.resources.reader import ServerReader
from ml_exporter.resources.target import Target

_PRESSURE: Final = counter(
    "ml_server_pressure_seconds_total",
    "Time in which some, or all (full), tasks waited for a resource: of the model server's cgroup, or of the"
    " machine where it is in none of its own; the label of says which.",
    *("of", "resource", "kind"),
)
_RESOURCES: Final = ("cpu", "memory", "io")


class PressureReader(ServerReader):
    """Reads ``*.pressure`` of the cgroup of version 2, else ``/proc/pressure``, which is about the whole machine.

    Reference: J. Weiner, PSI - Pressure Stall Information, Documentation/accounting/psi.rst of the Linux kernel.
    """

    key = "pressure"
    metrics = (_PRESSURE,)

    def __init__(self, target: Target, root: Path = Path("/")) -> None:
        super().__init__(target, root)
        self._rows = Rows(())

    def collect(self) -> Iterable[Block]:
        """Yield the totals since the group, or the machine, was there."""
        group = cgroups.of(self._target, self._root, cgroups.UNIFIED)
        if group is None:
            return
        if group.is_machine:
            found = list(_totals("machine", {name: self._root / "proc/pressure" / name for name in _RESOURCES}))
        else:
            found = list(_totals("cgroup", {name: group.own / f"{name}.pressure" for name in _RESOURCES}))
        if not found:
            return
        labels = tuple(labels for labels, _ in found)
        if labels != self._rows.values:
            self._rows = Rows(labels)
        yield Block(_PRESSURE, (), self._rows, np.array([seconds for _, seconds in found]))


def _totals(of: str, paths: dict[str, Path]) -> Iterator[tuple[tuple[str, str, str], float]]:
    for resource, path in paths.items():
        try:
            lines = path.read_text().splitlines()
        except OSError:
            continue  # the kernel was built, or started, without it
        for line in lines:
            kind, _, rest = line.partition(" ")
            yield (of, resource, kind), float(rest.rpartition("total=")[2]) / 1e6


def reader(target: Target) -> Collector | None:
    """Return the reader of the pressure on the model server, if one is watched."""
    return PressureReader(target) if target.is_set else None
