"""Child processes that end with their parent, whatever ends it."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


class DemoError(Exception):
    """Something that the demo cannot go on without; the message is for the person at the terminal."""


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Processes:
    """Started processes by name; each logs to a file of its own."""

    def __init__(self, logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._running: dict[str, subprocess.Popen[str]] = {}

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        piped: bool = False,
    ) -> subprocess.Popen[str]:
        """Start a process; its output goes to its log, standard output to a pipe if ``piped``."""
        with open(self._logs / f"{name}.log", "w") as log:
            self._running[name] = subprocess.Popen(
                command,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else log,
                stderr=log,
                text=True,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        return self._running[name]

    def check(self) -> None:
        """Raise DemoError if one has ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                path = self._logs / f"{name}.log"
                last = path.read_text().strip().splitlines()[-3:]
                raise DemoError(
                    f"{name} ended with code {process.returncode}; {path} says:\n  " + "\n  ".join(last)
                )

    def stop(self) -> None:
        """End all, the last started first."""
        for process in reversed(self._running.values()):
            process.terminate()
        end = time.monotonic() + 8
        for process in self._running.values():
            try:
                process.wait(max(end - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._running.clear()


def find_tool(*names: str) -> str:
    """Return the path of the first of some programs that is on PATH."""
    for name in names:
        if path := shutil.which(name):
            return path
    raise DemoError(f"{names[0]} is not on PATH; deploy/bootstrap.sh tools installs it")


def check_port(port: int, what: str, variable: str) -> None:
    """Raise DemoError if a port on loopback is in use, or is none."""
    if not 0 < port < 65_536:
        raise DemoError(f"{variable}: must lie between 1 and 65535, got {port}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise DemoError(
                f"port {port} ({what}) is in use; choose another: make demo {variable}={port + 1}"
            ) from None
