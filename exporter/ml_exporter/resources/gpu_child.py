"""A conversation with a child process that may never answer: asking, taking, and waiting never block.

A call into a GPU's driver can hang for minutes or for ever. A thread inside such a call cannot be ended, and holds
up the end of its process; so the calls are made in a process of their own. Even that one cannot be ended while the
kernel holds it (state D), and each further one would hang beside it: there is never more than one, and a new one
begins only when the old one is gone. SIGKILL in the middle of a call has been seen to freeze a GPU, so a child
that is late is first given time, then ended. No thread is needed: the pipe keeps what comes until it is looked at.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Final

from ml_exporter.core.errors import ResourceError

MOST_BYTES: Final = 1 << 20
"""Longest answer (chosen): that of 64 GPUs with seven MIG devices each is a quarter of it."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds for an answer, for the first one, for a late child, before a new child, and for the end of a child.

    ``first`` is longer because a driver that nobody uses loads when it is opened. All are chosen.
    """

    answer: float = 10.0
    first: float = 30.0
    end: float = 60.0
    again: float = 60.0
    close: float = 2.0


class Child:
    """One line out, one line back. ResourceError says why there is no answer."""

    def __init__(self, command: Sequence[str], patience: Patience) -> None:
        self.patience = patience
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._asked: float | None = None
        self._answered = self._late = self._ending = False
        self._received = b""
        self._not_before = self._left = -inf

    @property
    def waiting(self) -> bool:
        """Whether an answer is due."""
        return self._asked is not None

    def ask(self) -> bool:
        """Send a question, to a new child if there is none; return False if it is too early for one."""
        now = time.monotonic()
        if self._ending and self._process is not None:
            if self._process.poll() is not None:
                self._process, self._ending = None, False
            elif now - self._left > self.patience.end:
                self._process.kill()
        if self._ending or (self._process is None and now < self._not_before):
            return False
        if self._process is None:
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        self._asked, self._late = now, False
        with suppress(BrokenPipeError):  # the end of its output tells
            os.write(self._process.stdin.fileno(), b"\n")
        return True

    def take(self) -> bytes | None:
        """Return the answer, or None while it may still come; ResourceError if it is late or will not come.

        An answer that was late only shows that the child answers again: its numbers are of no known time.
        """
        if self._process is None or self._asked is None:
            return None
        line = self._line()
        if line is not None:
            self._asked, self._answered = None, True
            return None if self._late else line
        waited = time.monotonic() - self._asked
        allowed = self.patience.answer if self._answered else self.patience.first
        if waited <= allowed:
            return None
        self._late = True
        if waited > self.patience.end:
            self._process.kill()  # the end of its output follows, unless the kernel holds it
        raise ResourceError(f"no answer within {allowed:g} s")

    def leave(self, again: float) -> None:
        """Let the child end, as it has said that it will; a new one begins ``again`` seconds from now or later."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._asked, self._ending = None, True
        self._left = time.monotonic()
        self._not_before = self._left + again

    def close(self) -> None:
        """End the child by the end of its input; if that does not end it, for certain."""
        if self._process is None:
            return
        if not self._ending:
            self.leave(0.0)
        try:
            self._process.wait(self.patience.close)
        except subprocess.TimeoutExpired:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):  # the kernel holds it until the driver lets it go
                self._process.wait(self.patience.close)
        self._process, self._ending = None, False

    def _start(self) -> None:
        self._received, self._answered = b"", False
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            self._not_before = time.monotonic() + self.patience.again
            raise ResourceError(f"cannot be started: {error.strerror}") from error
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)

    def _line(self) -> bytes | None:
        """Return a whole line if there is one; ResourceError at the end of the child's output."""
        assert self._process is not None
        assert self._process.stdout is not None
        while len(self._received) <= MOST_BYTES:
            try:
                part = os.read(self._process.stdout.fileno(), 1 << 16)
            except BlockingIOError:
                line, newline, self._received = self._received.rpartition(b"\n")
                return line if newline else None
            if not part:
                break
            self._received += part
        ended = self._received.rpartition(b"\n")
        if ended[1]:
            self._received = b""
            return ended[0]
        self.leave(self.patience.again)
        raise ResourceError("ended without an answer")
