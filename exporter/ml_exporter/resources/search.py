"""Finding the process of the model server by what is known of it: its name, its port, or what started it.

Of processes that hold each other, such as a server and its workers, the uppermost is meant. ``None`` is said where
there certainly is no such process; what cannot be told raises ResourceError.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import psutil

from ml_exporter.core.errors import ResourceError

_COMM: Final = 15
_LISTEN: Final = "0A"
_TABLES: Final = ("net/tcp", "net/tcp6")


def by_name(name: str) -> int | None:
    """Return the process of this name, of which the kernel keeps the first 15 characters (``ps -o comm``)."""
    short = name[:_COMM]
    found = [process for process in psutil.process_iter(["name"]) if (process.info["name"] or "")[:_COMM] == short]
    return _uppermost(found, f'named "{name}"')


def by_parent(parent: int) -> int | None:
    """Return the only child of a process, the exporter itself left out."""
    try:
        children = psutil.Process(parent).children()
    except psutil.Error:
        return None
    return _uppermost([child for child in children if child.pid != os.getpid()], f"started by process {parent}")


def by_port(port: int, root: Path = Path("/")) -> int | None:
    """Return the process that listens on a TCP port in this network namespace."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port, root)}
    if not sockets:
        return None
    found = [process for process in psutil.process_iter() if _holds(root / f"proc/{process.pid}/fd", sockets)]
    if not found:
        raise ResourceError(
            f"port {port} is listened on, but by no process that may be looked into: run the exporter as the"
            " server's user and in its process namespace"
        )
    return _uppermost(found, f"listening on port {port}")


def _listening(port: int, root: Path) -> Iterable[str]:
    for table in _TABLES:
        try:
            lines = (root / "proc/self" / table).read_text().splitlines()[1:]
        except OSError:
            continue  # no IPv6
        for fields in map(str.split, lines):
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _holds(folder: Path, sockets: set[str]) -> bool:
    try:
        descriptors = os.listdir(folder)
    except OSError:
        return False
    for descriptor in descriptors:
        try:
            if os.readlink(folder / descriptor) in sockets:
                return True
        except OSError:
            continue  # closed meanwhile
    return False


def _uppermost(found: list[psutil.Process], what: str) -> int | None:
    pids = {process.pid for process in found}
    above: set[int] = set()
    for process in found:
        try:
            if process.status() != psutil.STATUS_ZOMBIE and not pids & {each.pid for each in process.parents()}:
                above.add(process.pid)
        except psutil.Error:
            continue  # it ended meanwhile
    if len(above) > 1:
        listed = ", ".join(map(str, sorted(above)[:5]))
        raise ResourceError(f"{len(above)} processes are {what} ({listed}): name one by server.pid_file")
    return above.pop() if above else None
