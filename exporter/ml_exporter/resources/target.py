"""Which process is the watched model server, and all that it started."""

from __future__ import annotations

import os
import re
import stat
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from ml_exporter.core.errors import NotRunningError, ResourceError
from ml_exporter.resources import search

_FRESH_SECONDS: Final = 0.1
"""So long a tree serves all readers of one collection; two ticks are further apart."""
_SEARCH_SHARE: Final = 100
"""Searching all processes takes at most one part of so many of the time."""
_MOST_BYTES: Final = 64
_MOST_PID: Final = 1 << 22
"""The kernel gives no higher process id (``PID_MAX_LIMIT``)."""


@dataclass(frozen=True, slots=True)
class Health:
    """The HTTP health check of the model server."""

    url: str
    interval: float = 10.0
    timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """Where the model server tells what it has loaded; ``field`` is a JSON Pointer, None for the whole answer."""

    url: str
    field: str | None = None
    interval: float = 10.0
    timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class Tree:
    """The process of the model server, when it started, and it with all of its descendants."""

    root: psutil.Process
    started: float
    processes: tuple[psutil.Process, ...]


class _Memory:
    """What was found last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tree: tuple[float, Tree] | None = None
        self.found: psutil.Process | None = None
        self.failed: ResourceError | None = None
        self.search_again = 0.0


@dataclass(frozen=True, slots=True)
class Target:
    """The model server by one of five things that are known of it, none of them if no process is watched.

    Equal targets may differ in what they have found so far. ``stopped`` ends what readers do in the background.
    """

    pid: int | None = None
    pid_file: Path | None = None
    name: str | None = None
    port: int | None = None
    parent: int | None = None
    health: Health | None = None
    model: ModelStatus | None = None
    stopped: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)
    _memory: _Memory = field(default_factory=_Memory, compare=False, repr=False)

    @property
    def is_set(self) -> bool:
        """Whether a server's process is to be watched."""
        return any(known is not None for known in (self.pid, self.pid_file, self.name, self.port, self.parent))

    def find(self) -> int:
        """Return the process id; NotRunningError if there is none, ResourceError if that cannot be told."""
        if self.pid is not None:
            return self.pid
        if self.pid_file is not None:
            return _pid_in(self.pid_file)
        with self._memory.lock:
            return self._search()

    def tree(self) -> Tree:
        """Return the process and its descendants of this moment; the errors of :meth:`find`."""
        memory, now = self._memory, time.monotonic()
        if memory.tree is not None and now - memory.tree[0] < _FRESH_SECONDS:
            return memory.tree[1]
        try:
            root = psutil.Process(self.find())
            if root.status() == psutil.STATUS_ZOMBIE:
                raise NotRunningError(f"process {root.pid} has ended and was not waited for")
            tree = Tree(root, root.create_time(), (root, *root.children(recursive=True)))
        except psutil.Error as error:
            raise NotRunningError(str(error)) from error
        memory.tree = (now, tree)
        return tree

    def known(self) -> Tree | None:
        """Return the same, None if it does not run or cannot be told, which the reader of processes says."""
        try:
            return self.tree()
        except ResourceError:
            return None

    def _search(self) -> int:
        memory = self._memory
        if memory.found is not None and _lives(memory.found):
            return memory.found.pid
        began = time.monotonic()
        if memory.failed is None or began >= memory.search_again:
            memory.found, memory.failed = None, None
            try:
                pid = self._look()
                memory.found = psutil.Process(pid)
            except (ResourceError, psutil.Error) as error:
                memory.failed = error if isinstance(error, ResourceError) else NotRunningError(str(error))
            now = time.monotonic()
            memory.search_again = now + _SEARCH_SHARE * (now - began)
        if memory.failed is not None:
            # The same error is raised at each tick until the next search: it must not gather tracebacks.
            raise memory.failed.with_traceback(None)
        assert memory.found is not None
        return memory.found.pid

    def _look(self) -> int:
        if self.name is not None:
            pid, what = search.by_name(self.name), f'no process is named "{self.name}"'
        elif self.port is not None:
            pid, what = search.by_port(self.port), f"nothing listens on port {self.port}"
        else:
            assert self.parent is not None
            pid, what = search.by_parent(self.parent), f"process {self.parent} has no child"
        if pid is None:
            raise NotRunningError(what)
        return pid


def _pid_in(path: Path) -> int:
    """Return the process id that a file begins with, without waiting for what is no regular file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise NotRunningError(f"pid file {path}: must be a regular file")
            found = os.read(descriptor, _MOST_BYTES)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise NotRunningError(f"pid file {path}: {error}") from error
    word = (found.split() or [b""])[0].decode("ascii", "backslashreplace")
    if re.fullmatch("[0-9]+", word) and 1 <= int(word) <= _MOST_PID:
        return int(word)
    raise NotRunningError(f'pid file {path}: must begin with a process id from 1 to {_MOST_PID}, got "{word}"')


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
