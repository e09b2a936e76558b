"""The audit log: who did what with which outcome, a line each, appended and never changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ml_exporter.core import ecs
from ml_exporter.core.appended import AppendedFile
from ml_exporter.core.text import printable

log = logging.getLogger(__name__)

DATASET: Final = "ml_exporter.audit"

_LONGEST: Final = 500
"""Characters of a text in a line at most (chosen)."""


class AuditLog:
    """Appends lines to a file, which may be moved away at any time; ``failures`` counts lost ones."""

    def __init__(self, file: Path, service: str, wall: Callable[[], float]) -> None:
        self.file = file
        self.failures = 0
        self._appended = AppendedFile(file)
        self._service = service
        self._wall = wall

    def open(self) -> None:
        """Make the file if it is not there; OSError if it cannot be written."""
        self._appended.make()

    def note(
        self,
        action: str,
        message: str,
        *,
        category: str,
        type: str,
        outcome: str | None = None,
        user: str | None = None,
        error: str | None = None,
        own: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """Write a line; what is None is left out.

        ``category``, ``type`` and ``outcome`` are words of the schema, ``own`` is what it has no field for, and
        ``more`` are further fields of it, their dots written as ``__``.
        """
        level = "error" if outcome == "failure" else "info"
        fields = ecs.line(self._wall(), level, message, DATASET, self._service) | {
            "event.kind": "event",
            "event.category": [category],
            "event.type": [type],
            "event.action": action,
            "event.outcome": outcome,
            "user.name": user or None,
            "error.message": error,
            **{name.replace("__", "."): value for name, value in more.items()},
            ecs.OWN: own,
        }
        line = ecs.encoded({name: _shown(value) for name, value in fields.items() if value is not None})
        try:
            self._appended.write(line)
        except OSError as failure:
            self.failures += 1
            told = {"line": line.decode().strip(), "error": str(failure)}
            log.error("line not in the audit log", extra=told)


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        # The line is JSON, in which a text may have lines of its own.
        shown = "\n".join(printable(line, _LONGEST) for line in value.splitlines())
        return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
    if isinstance(value, Mapping):
        return {name: _shown(item) for name, item in value.items() if item is not None}
    return [_shown(item) for item in value] if isinstance(value, list | tuple) else value
