"""The filesystem in which the model server works."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from ml_exporter.core.metrics import Block, Collector, gauge, one
from ml_exporter.resources import procfs
from ml_exporter.resources.slow import SlowReader
from ml_exporter.resources.target import Target, Tree

_SIZE: Final = gauge(
    "ml_server_filesystem_size_bytes", "Size of the filesystem that holds the model server's working directory."
)
_AVAILABLE: Final = gauge(
    "ml_server_filesystem_available_bytes", "What anybody may still write to the filesystem of the model server."
)


class FilesystemReader(SlowReader):
    """Asks for the filesystem of ``cwd``, which needs the right to trace the process.

    A network filesystem that hangs lets this reader fail after a minute, and no other.
    """

    key = "filesystem"
    metrics = (_SIZE, _AVAILABLE)

    def read(self, tree: Tree) -> Iterable[Block]:
        """Yield size and what is available."""
        path = self._root / f"proc/{tree.root.pid}/cwd"
        try:
            found = os.statvfs(path)
        except (FileNotFoundError, ProcessLookupError):
            return
        except OSError as error:
            raise procfs.refused(path, error) from error
        yield one(_SIZE, found.f_blocks * found.f_frsize)
        yield one(_AVAILABLE, found.f_bavail * found.f_frsize)


def reader(target: Target) -> Collector | None:
    """Return the reader of the model server's filesystem, if one is watched."""
    return FilesystemReader(target) if target.is_set else None
