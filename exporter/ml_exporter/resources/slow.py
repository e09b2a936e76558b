"""Readings that may take long, taken beside the ticks by a thread of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from ml_exporter.core.errors import ResourceError
from ml_exporter.core.metrics import Block
from ml_exporter.resources.reader import ServerReader
from ml_exporter.resources.target import Target, Tree

EVERY_SECONDS: Final = 10.0
SHARE: Final = 100
"""A reading that takes long is made rarer: it takes at most one part of so many of the time."""
STALE_SECONDS: Final = 60.0
"""A reading that has not come back for so long is told as failed, and its last numbers are no longer shown."""


class SlowReader(ServerReader):
    """A reader whose :meth:`read` runs in a thread; a collection shows what it found last and waits for nothing.

    What cannot be read is raised by :meth:`read` after it has yielded the rest.
    """

    def __init__(self, target: Target, root: Path = Path("/")) -> None:
        super().__init__(target, root)
        self._thread: threading.Thread | None = None
        self._began = 0.0
        self._found: tuple[float, Sequence[Block], Exception | None] = (0.0, (), None)
        self._traceback: TracebackType | None = None

    def read(self, tree: Tree) -> Iterable[Block]:
        """Yield the samples of now."""
        raise NotImplementedError

    def collect(self) -> Iterable[Block]:
        """Yield what was read last, and raise what the reading raised."""
        if self._thread is None:
            self._began = time.monotonic()
            self._thread = threading.Thread(target=self._work, name=f"read-{self.key}", daemon=True)
            self._thread.start()
        waiting = time.monotonic() - self._began
        if self._began and waiting > STALE_SECONDS:
            raise ResourceError(f"{self.key}: a reading has not come back for {waiting:.0f} s")
        started, blocks, error = self._found
        tree = self._target.known()
        if tree is None or tree.started != started:
            return  # of a process that is gone
        yield from blocks
        if error is not None:
            raise error.with_traceback(self._traceback)

    def _work(self) -> None:
        while not self._target.stopped.is_set():
            self._began = began = time.monotonic()
            blocks: list[Block] = []
            error: Exception | None = None
            tree = self._target.known()
            try:
                for block in self.read(tree) if tree else ():
                    blocks.append(block)
            except Exception as caught:
                error, self._traceback = caught, caught.__traceback__
            self._found = (tree.started if tree else 0.0, blocks, error)
            self._began = 0.0
            self._target.stopped.wait(max(EVERY_SECONDS, SHARE * (time.monotonic() - began)))
