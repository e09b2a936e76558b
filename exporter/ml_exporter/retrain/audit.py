"""What the bridge writes into the audit log: its decisions, reloads, start and stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ml_exporter.core.audit import AuditLog
from ml_exporter.core.errors import StateError
from ml_exporter.retrain.jobs import Job

SERVICE: Final = "ml-exporter-retrain"

_OUTCOMES: Final = {"started": "success", "retry": "failure", "failed": "failure", "unknown": "unknown"}
"""How an attempt ended, by the decision that followed."""


class Audit:
    """Writes decisions; ``failures`` counts lost lines."""

    def __init__(self, file: Path, wall: Callable[[], float]) -> None:
        self._log = AuditLog(file, SERVICE, wall)

    @property
    def failures(self) -> int:
        """The number of lines that could not be written."""
        return self._log.failures

    def open(self) -> None:
        """Make the file if it is not there; StateError if it cannot be written."""
        try:
            self._log.open()
        except OSError as error:
            raise StateError(f"audit.file: {self._log.file} cannot be written: {error.strerror}") from error

    def job(self, decision: str, job: Job) -> None:
        """Note what was decided about a job."""
        self._decision(
            decision,
            f"job {decision.replace('_', ' ')}",
            job.model,
            job.version,
            user=job.user,
            job=job.id,
            alerts=list(job.alerts),
            target=job.target,
            attempt=job.attempts,
            reason=job.reason,
            run_id=job.run_id,
        )

    def ignored(self, model: str, alerts: list[str], reason: str, count: int) -> None:
        """Note that alerts were of no consequence; ``count`` is their number, ``alerts`` some of their names."""
        self._decision("ignored", "alerts ignored", model, None, alerts=alerts, reason=reason, count=count)

    def process(self, type: str, outcome: str) -> None:
        """Note the ``start`` or the ``end`` of the bridge."""
        action, message = ("start", "bridge started") if type == "start" else ("stop", "bridge stopped")
        self._log.note(action, message, category="process", type=type, outcome=outcome)

    def reload(self, user: str | None, error: str | None = None) -> None:
        """Note that the configuration was read again, or could not be."""
        self._log.note(
            "reload",
            "configuration not reloaded" if error else "configuration reloaded",
            category="configuration",
            type="change",
            outcome="failure" if error else "success",
            user=user,
            error=error,
        )

    def _decision(
        self,
        decision: str,
        message: str,
        model: str,
        version: str | None,
        user: str | None = None,
        **retrain: Any,
    ) -> None:
        self._log.note(
            decision,
            message,
            category="process",
            type="start" if decision == "started" else "info",
            outcome=_OUTCOMES.get(decision),
            user=user,
            own={"model": {"name": model, "version": version}, "retrain": retrain},
        )
