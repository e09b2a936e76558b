"""The command that ``ml-exporter run`` stands for: its streams, its signals, its end."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_FORWARDED: Final = frozenset(
    {
        *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2),
        *(signal.SIGALRM, signal.SIGWINCH),
    }
)
_NOT_FOUND: Final = 127
_NOT_STARTED: Final = 126
"""Exit codes of a shell."""


class NotStartedError(Exception):
    """The command could not be started; ``code`` is the exit code that a shell would give."""

    def __init__(self, error: OSError) -> None:
        self.code = _NOT_FOUND if error.errno == errno.ENOENT else _NOT_STARTED
        super().__init__(error.strerror)


@dataclass(frozen=True)
class Ended:
    """How a command ended: the exit code, as a shell gives it, and the kind of error, empty if all went well."""

    code: int
    error: str


class Child:
    """A command with this process's streams and process group; NotStartedError if it cannot be started.

    From its start on this thread takes signals only in :meth:`wait`, which hands them on.
    """

    def __init__(self, command: Sequence[str], more: Mapping[str, str]) -> None:
        taken = _FORWARDED | {signal.SIGCHLD}
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, taken)
        self._taken = taken
        try:
            # Blocked signals stay blocked in a child: it begins with those that this process began with.
            self._process = subprocess.Popen(
                list(command),
                env={**os.environ, **more},
                close_fds=False,
                preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, self._before),
            )
        except OSError as error:
            self.release()
            raise NotStartedError(error) from None

    def wait(self) -> Ended:
        """Wait for the end of the command and hand on the signals that come until then.

        What the terminal sends, such as Ctrl-C, it sends to the command as well: that is not handed on.
        """
        while self._process.poll() is None:
            got = signal.sigwaitinfo(self._taken)
            if got.si_signo != signal.SIGCHLD and got.si_code <= 0:
                self._process.send_signal(got.si_signo)
        code = self._process.returncode
        if code < 0:
            return Ended(128 - code, _named(-code))
        return Ended(code, f"exit_{code}" if code else "")

    def release(self) -> None:
        """Take signals as before."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)


def _named(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal_{number}"
