"""Which process is the watched model server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ml_exporter.core.errors import ResourceError


@dataclass(frozen=True, slots=True)
class Target:
    """The model server, by its process id or by a file that holds it; neither means none is watched."""

    pid: int | None = None
    pid_file: Path | None = None

    @property
    def is_set(self) -> bool:
        """Whether a server is to be watched."""
        return self.pid is not None or self.pid_file is not None

    def find(self) -> int:
        """Return the process id; ResourceError if it is not known now."""
        if self.pid is not None:
            return self.pid
        assert self.pid_file is not None
        try:
            text = self.pid_file.read_text().split()[0]
            return int(text)
        except (OSError, ValueError, IndexError) as error:
            raise ResourceError(f"pid file {self.pid_file}: {error}") from error
