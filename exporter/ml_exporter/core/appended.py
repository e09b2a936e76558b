"""A file to which lines are appended, and which others may move away."""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class AppendedFile:
    """A file of lines that only its owner may read; opened for each writing, so that it can be moved at any time.

    Before it would exceed ``max_bytes`` it becomes ``NAME.1``, that ``NAME.2`` and so on; ``keep`` of them stay.
    With ``max_bytes`` 0 it grows until somebody else moves it.
    """

    path: Path
    max_bytes: int = 0
    keep: int = 1

    def make(self) -> None:
        """Make the file if it is not there; OSError if it cannot be written."""
        os.close(self._open())

    def write(self, lines: bytes) -> None:
        """Append whole lines by one write, which a kill does not tear; OSError if they are not in the file."""
        file = self._open()
        try:
            size = os.fstat(file).st_size
            if self.max_bytes and size and size + len(lines) > self.max_bytes:
                self._rotate()
                os.close(file)
                file = self._open()
                size = os.fstat(file).st_size
            if os.write(file, lines) != len(lines):
                with contextlib.suppress(OSError):
                    os.ftruncate(file, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(file)

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _rotate(self) -> None:
        for number in range(self.keep, 0, -1):
            older = self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path
