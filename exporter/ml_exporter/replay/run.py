"""From files of recorded events to posts at the speed that was asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ml_exporter.backfill.ahead import LINES, TABLES
from ml_exporter.backfill.events import Notes
from ml_exporter.backfill.run import model_of
from ml_exporter.core.errors import EventsError, UsageError
from ml_exporter.replay.event import Kind, Source
from ml_exporter.replay.lines import Lines
from ml_exporter.replay.order import in_order
from ml_exporter.replay.sending import Sending
from ml_exporter.replay.table import Table

BATCH: Final = 500
"""Events of a post at most."""

TICK: Final = 0.1
"""Seconds between two posts at most, while there are events; what is due within one goes together (chosen)."""

Progress = Callable[[int, int, float], None]


@dataclass(frozen=True)
class ReplayOptions:
    """What the command line says; ``speed`` 0 stands for as fast as the sidecar takes them."""

    events: tuple[Path, ...]
    config: Path
    speed: float = 1.0
    model: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


class Replay:
    """The events of some files on their way to a sidecar; ``notes`` tells of rows that could not be sent."""

    def __init__(self, options: ReplayOptions, sending: Callable[[str | None], Sending]) -> None:
        self.notes = Notes()
        self._speed = options.speed
        suffixes = {path: path.suffix.lower() for path in options.events}
        for path, suffix in suffixes.items():
            if suffix not in (*TABLES, *LINES):
                raise EventsError(f"{path}: must end in one of {', '.join((*TABLES, *LINES))}")
            if not path.is_file():
                raise EventsError(f"{path}: no such file")
        tables = [path for path, suffix in suffixes.items() if suffix in TABLES]
        if options.columns and not tables:
            raise UsageError(
                f"--column: is for {' and '.join(TABLES)} files; JSON lines have the keys of the intake"
            )
        model = model_of(options.config, options.model) if tables else None
        self._sources: list[Source] = [
            Table(path, model.intake, options.columns, self.notes)
            if model is not None and path in tables
            else Lines(path)
            for path in options.events
        ]
        self.sending = sending(model.name if model is not None else options.model)

    def run(self, progress: Progress) -> None:
        """Send everything; ``progress`` is told the rows sent, of how many, and the time of the events.

        Raises EventsError if the events cannot be used, UnreachableError if the sidecar does not take them.
        """
        total = sum(source.rows() for source in self._sources)
        batches: dict[Kind, list[bytes]] = {kind: [] for kind in Kind}
        began, first, tick, latest = time.monotonic(), None, 0, 0.0

        def flush() -> None:
            for kind, lines in batches.items():  # predictions first: a label must not overtake its own
                if lines:
                    self.sending.send(kind, lines)
                    lines.clear()
            progress(sum(source.read for source in self._sources), total, latest)

        for latest, kind, line in in_order(self._sources):
            first = latest if first is None else first
            due = int((latest - first) / self._speed / TICK) if self._speed else 0
            if due > tick:
                flush()
                tick = due
                time.sleep(max(began + tick * TICK - time.monotonic(), 0.0))
            batches[kind].append(line)
            if len(batches[kind]) == BATCH:
                flush()
        if first is None:
            told = "".join(f"\n  {line}" for line in self.notes.lines())
            names = ", ".join(source.name for source in self._sources)
            raise EventsError(f"{names}: no events that can be sent{told}")
        flush()
        self.sending.close()
