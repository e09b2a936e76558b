"""The log of decisions: a line of JSON each, appended and never changed."""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml_exporter.core.ecs import moment
from ml_exporter.core.errors import StateError
from ml_exporter.core.text import printable
from ml_exporter.retrain.jobs import Job

log = logging.getLogger(__name__)


class Audit:
    """Appends decisions to a file, which may be moved away at any time; ``failures`` counts lost lines."""

    def __init__(self, file: Path, wall: Callable[[], float]) -> None:
        self.file = file
        self.failures = 0
        self._wall = wall

    def open(self) -> None:
        """Make the file if it is not there; StateError if it cannot be written."""
        try:
            self._write(b"")
        except OSError as error:
            raise StateError(f"audit.file: {self.file} cannot be written: {error.strerror}") from error

    def job(self, decision: str, job: Job) -> None:
        """Note what was decided about a job."""
        self._append(
            decision,
            job=job.id,
            model=job.model,
            version=job.version,
            alerts=list(job.alerts),
            target=job.target,
            attempt=job.attempts,
            reason=job.reason,
            user=job.user,
            run_id=job.run_id,
        )

    def ignored(self, model: str, alerts: list[str], reason: str, count: int) -> None:
        """Note that alerts were of no consequence; ``count`` is their number, ``alerts`` some of their names."""
        self._append("ignored", model=model, alerts=alerts, reason=reason, count=count)

    def _append(self, decision: str, **more: Any) -> None:
        fields = {"time": moment(self._wall()), "decision": decision, **more}
        for name, value in fields.items():
            fields[name] = printable(value, 500) if isinstance(value, str) else value
        line = json.dumps(fields, ensure_ascii=True).encode() + b"\n"
        try:
            self._write(line)
        except OSError as error:
            self.failures += 1
            log.error("decision not in the audit log", extra={"line": line.decode().strip(), "error": str(error)})

    def _write(self, line: bytes) -> None:
        """Append a line by one write, which a kill does not tear."""
        file = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if os.write(file, line) != len(line):
                raise OSError(errno.ENOSPC, "the line was cut")
        finally:
            os.close(file)
