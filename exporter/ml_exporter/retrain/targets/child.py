"""A child process: arguments never through a shell, bounded in time and output, ended with all its children."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from ml_exporter.core.text import printable
from ml_exporter.retrain.targets.target import Facts, Outcome, Result, compact

log = logging.getLogger(__name__)

OUTPUT_BYTES: Final = 4096
"""End of the output that is kept for the log (chosen)."""

TERM_SECONDS: Final = 3.0
"""Time between SIGTERM and SIGKILL (chosen)."""

_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code, negative for a signal, and the end of its output."""

    code: int
    output: bytes


def environment(facts: Facts) -> dict[str, str]:
    """Return the facts as environment variables."""
    return {
        "ML_RETRAIN_JOB": facts.job,
        "ML_RETRAIN_MODEL": facts.model,
        "ML_RETRAIN_VERSION": facts.version,
        "ML_RETRAIN_ALERTS": compact(list(facts.alerts)),
        "ML_RETRAIN_FINGERPRINTS": compact(list(facts.fingerprints)),
        "ML_RETRAIN_STARTS_AT": facts.starts_at,
        "ML_RETRAIN_PARAMETERS": compact(dict(facts.parameters)),
    }


def run(
    command: Sequence[str],
    facts: Facts,
    stop: threading.Event,
    *,
    timeout: float,
    folder: Path | None = None,
    more: Mapping[str, str] | None = None,
) -> Ended | Outcome | None:
    """Run a command with the facts in its environment and as JSON on its standard input.

    Returns an outcome if it could not be started or took too long, None if ``stop`` ended it.
    """
    try:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **environment(facts), **(more or {})},
            start_new_session=True,
        )
    except BlockingIOError as error:
        return Outcome(Result.RETRY, f"cannot be started: {error.strerror}")
    except OSError as error:
        return Outcome(Result.FAILED, f"cannot be started: {error.strerror}")
    assert child.stdin is not None
    assert child.stdout is not None
    tail = bytearray()
    reader = threading.Thread(target=_read, args=(child.stdout, tail), daemon=True)
    writer = threading.Thread(target=_write, args=(child.stdin, compact(facts.payload()).encode()), daemon=True)
    reader.start()
    writer.start()
    end = time.monotonic() + timeout
    while child.poll() is None and not stop.is_set() and time.monotonic() < end:
        stop.wait(_POLL_SECONDS)
    in_time = child.returncode is not None
    if not in_time:
        _end(child)
    reader.join(1.0)
    _tell(command[0], child.returncode, bytes(tail), facts)
    if in_time:
        return Ended(child.returncode, bytes(tail))
    return None if stop.is_set() else Outcome(Result.FAILED, f"took longer than {timeout:g} s and was ended")


def _read(stream: IO[bytes], tail: bytearray) -> None:
    with stream:
        while part := os.read(stream.fileno(), 65536):
            tail += part
            del tail[:-OUTPUT_BYTES]


def _write(stream: IO[bytes], content: bytes) -> None:
    with suppress(OSError), stream:
        stream.write(content)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the whole process group: politely, then for certain."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(TERM_SECONDS)
    child.wait()


def _tell(program: str, code: int, output: bytes, facts: Facts) -> None:
    text = " | ".join(output.decode("utf-8", "replace").splitlines())
    log.info(
        "command ended",
        extra={
            "job": facts.job,
            "model": facts.model,
            "program": program,
            "exit_code": code,
            "output": printable(text[-OUTPUT_BYTES:], OUTPUT_BYTES),
        },
    )
