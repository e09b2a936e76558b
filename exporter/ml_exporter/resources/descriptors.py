"""Open file descriptors of the model server, and how many it may open."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from ml_exporter.core.metrics import Block, Collector, gauge, one
from ml_exporter.resources import procfs
from ml_exporter.resources.slow import SlowReader
from ml_exporter.resources.target import Target, Tree

_OPEN: Final = gauge(
    "ml_server_open_fds", "Open file descriptors, sockets included, of the model server's processes, summed."
)
_MOST: Final = gauge(
    "ml_server_max_fds", "Descriptors that a process of the model server may open: the lowest limit of them."
)
_SHARE: Final = gauge(
    "ml_server_fds_used_ratio",
    "Share of its own limit that the process nearest to it has open, of the model server's.",
)
_LIMIT: Final = "Max open files"


class DescriptorsReader(SlowReader):
    """Reads ``limits`` and counts ``fd`` of each process; the latter needs the right to trace it."""

    key = "descriptors"
    metrics = (_MOST, _OPEN, _SHARE)

    def read(self, tree: Tree) -> Iterable[Block]:
        """Yield the limit, then what is open, or raise what kept from counting it."""
        limits: dict[int, float] = {}
        for process in tree.processes:
            found = procfs.text(self._root / f"proc/{process.pid}/limits")
            for line in (found or "").splitlines():
                if line.startswith(_LIMIT):
                    soft = line[len(_LIMIT) :].split()[0]
                    limits[process.pid] = float("inf") if soft == "unlimited" else float(soft)
        if not limits:
            return
        lowest = min(limits.values())
        if lowest < float("inf"):
            yield one(_MOST, lowest)
        opened = {pid: count for pid in limits if (count := self._count(pid)) is not None}
        yield one(_OPEN, sum(opened.values()))
        shares = [count / limits[pid] for pid, count in opened.items() if limits[pid] > 0]
        if shares:
            yield one(_SHARE, max(shares))

    def _count(self, pid: int) -> int | None:
        folder = self._root / f"proc/{pid}/fd"
        try:
            return len(os.listdir(folder))
        except (FileNotFoundError, ProcessLookupError):
            return None
        except OSError as error:
            raise procfs.refused(folder, error) from error


def reader(target: Target) -> Collector | None:
    """Return the reader of the model server's descriptors, if one is watched."""
    return DescriptorsReader(target) if target.is_set else None
