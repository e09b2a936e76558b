"""Events in a file of JSON lines, sent as they stand there: the sidecar judges them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from ml_exporter.baseline.source import count_lines
from ml_exporter.core.errors import EventsError
from ml_exporter.core.loose_json import loads
from ml_exporter.replay.event import Event, Kind


class Lines:
    """Reads one file; a line without a usable ``timestamp`` goes with the one before it."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.read = 0
        self._path = path

    def rows(self) -> int:
        """Return the number of lines."""
        try:
            return count_lines(self._path)
        except OSError as error:
            raise EventsError(f"{self._path}: cannot be read: {error.strerror}") from error

    def events(self) -> Iterator[Event]:
        """Yield the events."""
        time = 0.0
        early: list[tuple[Kind, bytes]] = []
        with open(self._path, "rb") as file:
            for line in file:
                self.read += 1
                if not line.strip():
                    continue
                document = _document(line)
                kind = Kind.LABELS if "label" in document else Kind.PREDICTIONS
                told = _seconds(document.get("timestamp"))
                if told is None and not time:
                    early.append((kind, line.strip()))
                    continue
                time = time if told is None else told
                yield from (Event(time, *known) for known in early)
                early.clear()
                yield Event(time, kind, line.strip())
        yield from (Event(time, *known) for known in early)


def _document(line: bytes) -> dict[str, Any]:
    try:
        document = loads(line)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _seconds(told: Any) -> float | None:
    if isinstance(told, int | float) and not isinstance(told, bool):
        return float(told)
    try:
        moment = datetime.fromisoformat(told)
    except (TypeError, ValueError):
        return None
    return moment.timestamp() if moment.tzinfo is not None else None
