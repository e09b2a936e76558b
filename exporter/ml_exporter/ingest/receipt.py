"""What the answer to a request says about its events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ml_exporter.core.errors import nearest
from ml_exporter.core.text import LABEL_LENGTH, printable

SHOWN: Final = 100
"""Rejections and warnings listed in an answer at most; all are counted."""

SUGGESTED: Final = 10
"""Unknown names at most for which an answer looks for the nearest known one."""


@dataclass(slots=True)
class Trouble:
    """Which events were not accepted, or not wholly, and why."""

    rejected: Counter[str] = field(default_factory=Counter)
    warned: Counter[tuple[str, str]] = field(default_factory=Counter)
    unknown_features: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    suggestions: dict[str, str] = field(default_factory=dict)

    def nearest(self, word: str, known: Iterable[str]) -> str:
        """Return the suggestion of :func:`errors.nearest`, each word looked for once, and not too many."""
        if word not in self.suggestions:
            if len(self.suggestions) >= SUGGESTED:
                return ""
            self.suggestions[word] = nearest(word[:LABEL_LENGTH], known)
        return self.suggestions[word]

    def reject(self, index: int, reason: str, detail: str) -> None:
        """Note that the event at ``index`` is not counted."""
        self.rejected[reason] += 1
        if len(self.errors) < SHOWN:
            self.errors.append({"index": index, "reason": reason, "detail": printable(detail)})

    def warn(self, index: int, model: str, reason: str, detail: str) -> None:
        """Note that something of the event at ``index`` is left out."""
        self.warned[model, reason] += 1
        if len(self.warnings) < SHOWN:
            self.warnings.append({"index": index, "reason": reason, "detail": printable(detail)})


@dataclass(slots=True)
class Receipt:
    """How many events were accepted, and the trouble with others, None if there was none."""

    accepted: int = 0
    trouble: Trouble | None = None

    def troubled(self) -> Trouble:
        """Return the trouble to add to."""
        if self.trouble is None:
            self.trouble = Trouble()
        return self.trouble

    def document(self, status: str) -> dict[str, Any]:
        """Return the JSON document of the answer; ``status`` is ``queued`` or ``durable``."""
        document: dict[str, Any] = {"status": status, "accepted": self.accepted}
        if self.trouble is not None and self.trouble.rejected:
            document["rejected"] = self.trouble.rejected.total()
            document["errors"] = self.trouble.errors
        if self.trouble is not None and self.trouble.warned:
            document["warnings"] = self.trouble.warnings
        return document
