"""TCP connections of the model server by their state."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

import numpy as np

from ml_exporter.core.metrics import Block, Collector, Rows, gauge
from ml_exporter.resources import procfs
from ml_exporter.resources.slow import SlowReader
from ml_exporter.resources.target import Target, Tree

_CONNECTIONS: Final = gauge(
    "ml_server_connections", "TCP sockets that processes of the model server hold, by state.", "state"
)
STATES: Final = {
    "01": "established",
    "02": "syn_sent",
    "03": "syn_received",
    "04": "fin_wait_1",
    "05": "fin_wait_2",
    "07": "close",
    "08": "close_wait",
    "09": "last_ack",
    "0A": "listen",
    "0B": "closing",
}
"""The states of ``include/net/tcp_states.h`` that a socket of a process can have; time_wait belongs to none."""
_ROWS: Final = Rows.of(STATES.values())
_TABLES: Final = ("net/tcp", "net/tcp6")


class ConnectionsReader(SlowReader):
    """Reads which sockets the processes hold, then their states in the table of their network namespace.

    A socket that a server shares with its workers counts once. It needs the right to trace the processes.
    """

    key = "connections"
    metrics = (_CONNECTIONS,)

    def read(self, tree: Tree) -> Iterable[Block]:
        """Yield the counts; raise what kept from them."""
        held: set[str] = set()
        for process in tree.processes:
            held |= self._sockets(process.pid)
        counts = dict.fromkeys(STATES, 0)
        for table in _TABLES:
            lines = procfs.text(self._root / f"proc/{tree.root.pid}" / table)
            for fields in map(str.split, (lines or "").splitlines()[1:]):
                if fields[9] in held and fields[3] in counts:
                    counts[fields[3]] += 1
        yield Block(_CONNECTIONS, (), _ROWS, np.array(list(counts.values()), np.int64))

    def _sockets(self, pid: int) -> set[str]:
        folder = self._root / f"proc/{pid}/fd"
        try:
            names = os.listdir(folder)
        except (FileNotFoundError, ProcessLookupError):
            return set()
        except OSError as error:
            raise procfs.refused(folder, error) from error
        found: set[str] = set()
        for name in names:
            try:
                link = os.readlink(folder / name)
            except OSError:
                continue  # closed meanwhile
            if link.startswith("socket:["):
                found.add(link[8:-1])
        return found


def reader(target: Target) -> Collector | None:
    """Return the reader of the model server's connections, if one is watched."""
    return ConnectionsReader(target) if target.is_set else None
