"""What the sidecar writes into its audit log: start, stop, reloads, and the baselines that are in use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ml_exporter.config.changes import changed_keys
from ml_exporter.config.load import Setup
from ml_exporter.core.audit import AuditLog
from ml_exporter.core.errors import StateError
from ml_exporter.core.settings import WebSettings

SERVICE: Final = "ml-exporter"

SIGNAL: Final = "signal"
HTTP: Final = "http"
"""What asked for a reload."""


_Digests = dict[tuple[str, str], str]
"""Checksums of baselines, by model and version."""


class Trail:
    """Writes lines if there is an audit log; ``failures`` counts those that could not be written."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._log: AuditLog | None = None
        self._earlier_failures = 0

    @property
    def is_kept(self) -> bool:
        """Whether there is an audit log."""
        return self._log is not None

    @property
    def failures(self) -> int:
        """Lines that could not be written."""
        return self._earlier_failures + (self._log.failures if self._log else 0)

    @staticmethod
    def check(file: Path | None) -> None:
        """Raise StateError if the file cannot be written."""
        if file is not None:
            try:
                AuditLog(file, SERVICE, lambda: 0.0).open()
            except OSError as error:
                raise StateError(f"audit_log.file: {file} cannot be written: {error.strerror}") from error

    def use(self, file: Path | None) -> bool:
        """Write to ``file`` from now on; return whether that is another one than before."""
        if file == (self._log.file if self._log else None):
            return False
        self._earlier_failures = self.failures
        self._log = AuditLog(file, SERVICE, self._wall) if file is not None else None
        return True

    def started(self, setup: Setup, file: Path) -> None:
        """Note the start, and the baselines that were read."""
        if self._log:
            self._log.note(
                "start",
                "sidecar started",
                category="process",
                type="start",
                outcome="success",
                file__path=str(file),
            )
            self._baselines(setup, {})

    def stopped(self, code: int, cause: str) -> None:
        """Note the end."""
        if self._log:
            outcome = "failure" if code else "success"
            own = {"trigger": cause}
            self._log.note("stop", "sidecar stopped", category="process", type="end", outcome=outcome, own=own)

    def reloaded(
        self,
        old: tuple[Setup, WebSettings],
        new: tuple[Setup, WebSettings],
        file: Path,
        trigger: str,
        user: str | None,
    ) -> None:
        """Note that a configuration is in use, by the keys that differ from the one before.

        If it names another audit log, the one before hears of it as its last line.
        """
        keys = list(changed_keys(old[0].content, new[0].content))
        keys += ["basic_auth_users"] if old[1].users != new[1].users else []
        keys += ["http_server_config.headers"] if old[1].headers != new[1].headers else []
        own = {"trigger": trigger, "changes": keys}
        self._reload("configuration reloaded", "success", file, user, own)
        if self.use(new[0].settings.audit_log):
            self._reload("configuration reloaded", "success", file, user, own)
        if self._log:
            self._baselines(new[0], _digests(old[0]))

    def refused(self, error: Exception, file: Path, trigger: str, user: str | None) -> None:
        """Note that a configuration could not be used."""
        self._reload("configuration not reloaded", "failure", file, user, {"trigger": trigger}, str(error))

    def _reload(
        self,
        message: str,
        outcome: str,
        file: Path,
        user: str | None,
        own: dict[str, Any],
        error: str | None = None,
    ) -> None:
        if self._log:
            self._log.note(
                "reload",
                message,
                category="configuration",
                type="change",
                outcome=outcome,
                user=user,
                error=error,
                own=own,
                file__path=str(file),
            )

    def _baselines(self, setup: Setup, known: _Digests) -> None:
        assert self._log is not None
        for model in setup.models:
            for version, file, document in model.baselines:
                if known.get((model.settings.name, version)) != document.sha256:
                    self._log.note(
                        "load-baseline",
                        "baseline loaded",
                        category="file",
                        type="access",
                        outcome="success",
                        file__path=str(file),
                        file__hash__sha256=document.sha256,
                        own={"model": {"name": model.settings.name, "version": version}, "rows": document.rows},
                    )


def _digests(setup: Setup) -> _Digests:
    return {
        (model.settings.name, version): document.sha256
        for model in setup.models
        for version, _, document in model.baselines
    }
