"""Where the control groups of a process are: both versions, in containers too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ml_exporter.resources import procfs
from ml_exporter.resources.target import Target

UNIFIED: Final = ""
"""For :func:`of`: no controller, the group of version 2."""

_MOUNT: Final = "sys/fs/cgroup"


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The folders of a process's group and of all above it, as far as they can be seen, its own first."""

    version: int
    folders: tuple[Path, ...]

    @property
    def own(self) -> Path:
        """The folder of the process's own group."""
        return self.folders[0]

    @property
    def is_machine(self) -> bool:
        """Whether the process is in the topmost group, whose numbers are those of the whole machine."""
        if self.version == 1:
            return (self.own / "release_agent").exists()
        return not (self.own / "cgroup.events").exists()


def of(target: Target, root: Path, controller: str) -> Cgroup | None:
    """Return the group into which a controller of version 1, such as ``memory``, else version 2 puts a process.

    ``root`` is where ``proc`` and ``sys/fs/cgroup`` are found. None if the process does not run or is not known.
    One of another container is looked up through its own root, which needs the right to trace it; ResourceError if
    that is denied.
    """
    tree = target.known()
    if tree is None:
        return None
    pid = tree.root.pid
    groups = _groups(root, pid)
    for controllers, path in groups:
        if controller in controllers.split(",") and controllers:
            return Cgroup(1, tuple(_folders(root, pid, controllers, path)))
    for controllers, path in groups:
        if not controllers:
            return Cgroup(2, tuple(_folders(root, pid, _unified(root), path)))
    return None


def number(path: Path) -> float | None:
    """Return the number in a file; None if it is not there, or says ``max``."""
    try:
        return float(path.read_text())
    except (OSError, ValueError):
        return None


def numbers(path: Path) -> dict[str, float]:
    """Return the lines of a file such as ``cpu.stat``, name and number each; nothing if it is not there."""
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {fields[0]: float(fields[1]) for fields in lines if len(fields) == 2 and fields[1].isdigit()}


def _groups(root: Path, pid: int | str) -> list[tuple[str, str]]:
    text = procfs.text(root / f"proc/{pid}/cgroup")
    lines = [line.split(":", 2) for line in (text or "").splitlines()]
    return [(controllers, path) for _, controllers, path in lines]


def _unified(root: Path) -> str:
    """Return the place of version 2 where version 1 is mounted too."""
    return "unified" if (root / _MOUNT / "unified").is_dir() else ""


def _folders(root: Path, pid: int, controllers: str, path: str) -> Iterator[Path]:
    top = root / _MOUNT / controllers
    folder = top / path.lstrip("/")
    if ".." in folder.parts or not folder.is_dir():
        # Not under what is mounted here: it is that of a container, this one's or another's.
        folder = top
        if not _is_ours(root, controllers, path):
            folder = top = root / f"proc/{pid}/root" / _MOUNT / controllers
            try:
                folder.stat()
            except FileNotFoundError:
                pass
            except OSError as error:
                raise procfs.refused(folder, error) from error
    yield folder
    while folder != top:
        folder = folder.parent
        yield folder


def _is_ours(root: Path, controllers: str, path: str) -> bool:
    return (controllers, path) in _groups(root, "self")
