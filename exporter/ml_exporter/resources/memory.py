"""Memory of the model server that resident memory does not tell: its share of what is shared, and swap."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ml_exporter.core.metrics import Block, Collector, gauge, one
from ml_exporter.resources import procfs
from ml_exporter.resources.slow import SlowReader
from ml_exporter.resources.target import Target, Tree

_PROPORTIONAL: Final = gauge(
    "ml_server_proportional_memory_bytes",
    "Resident memory of the model server's processes, a page that several share counted once in all (PSS).",
)
_SWAP: Final = gauge("ml_server_swap_bytes", "Memory of the model server's processes that is swapped out, summed.")


class MemoryReader(SlowReader):
    """Reads ``status`` and ``smaps_rollup`` of each process.

    For the latter the kernel walks all page tables of the process and holds its memory map meanwhile, so it is
    read beside the ticks and rarely. It needs the right to trace the process, ``status`` does not.
    """

    key = "memory"
    metrics = (_SWAP, _PROPORTIONAL)

    def read(self, tree: Tree) -> Iterable[Block]:
        """Yield swap, then the proportional memory, or raise what kept from it."""
        folders = [self._root / f"proc/{process.pid}" for process in tree.processes]
        swapped = [found["VmSwap"] for folder in folders if "VmSwap" in (found := _fields(folder / "status"))]
        if swapped:
            yield one(_SWAP, sum(map(procfs.kibibytes, swapped)))
        shares = [found["Pss"] for folder in folders if "Pss" in (found := _fields(folder / "smaps_rollup"))]
        if shares:
            yield one(_PROPORTIONAL, sum(map(procfs.kibibytes, shares)))


def _fields(path: Path) -> dict[str, str]:
    return procfs.fields(path) or {}


def reader(target: Target) -> Collector | None:
    """Return the reader of the model server's memory, if one is watched."""
    return MemoryReader(target) if target.is_set else None
