"""Reading and joining in a process of its own, a little ahead of the one that counts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Final

from ml_exporter.app.runtime import ModelRuntime, runtimes
from ml_exporter.backfill.events import Notes
from ml_exporter.backfill.feed import Feed, File
from ml_exporter.backfill.joining import Joining, Steps
from ml_exporter.backfill.lines import Lines
from ml_exporter.backfill.table import Table
from ml_exporter.config.load import load
from ml_exporter.core.errors import EventsError

LINES: Final = (".jsonl", ".ndjson")
TABLES: Final = (".csv", ".parquet")

_AHEAD: Final = 3
"""Parcels of steps that wait at most (chosen: as many as hide that one takes longer than another)."""


@dataclass(frozen=True)
class Source:
    """Which events, as which model's of which configuration, and how far apart the moments are."""

    events: tuple[Path, ...]
    config: Path
    model: str
    columns: Mapping[str, str]
    interval: int


def readers_of(
    paths: Sequence[Path], model: ModelRuntime, columns: Mapping[str, str], notes: Notes
) -> list[Lines | Table]:
    """Return the reader of each file; EventsError if its name tells of no known format."""
    readers: list[Lines | Table] = []
    for path in paths:
        suffix = path.suffix.lower()
        if suffix in LINES:
            readers.append(Lines(path, model.intake, notes))
        elif suffix in TABLES:
            readers.append(Table(path, model.intake, columns, notes))
        else:
            raise EventsError(f"{path}: must end in one of {', '.join((*TABLES, *LINES))}")
    return readers


def steps_of(source: Source, notes: Notes) -> Iterator[Steps]:
    """Yield the steps of some events; what cannot be used comes into the notes. EventsError if nothing can."""
    model = runtimes(load(source.config))[source.model]
    readers = readers_of(source.events, model, source.columns, notes)
    files = [File(path.name, reader.chunks()) for path, reader in zip(source.events, readers, strict=True)]
    yield from Joining(model, Feed(files, tolerance=source.interval), source.interval).steps()


def steps_ahead(source: Source, notes: Notes, context: BaseContext, begin: Callable[[], None]) -> Iterator[Steps]:
    """Yield the same from another process, which calls ``begin`` first."""
    with ProcessPoolExecutor(1, context, _begin, (source, begin)) as pool:
        waiting: deque[Future[tuple[Steps, Notes] | None]] = deque(pool.submit(_next) for _ in range(_AHEAD))
        while (found := waiting.popleft().result()) is not None:
            steps, told = found
            notes.found = told.found
            waiting.append(pool.submit(_next))
            yield steps


_notes = Notes()
_steps: Iterator[Steps] = iter(())


def _begin(source: Source, begin: Callable[[], None]) -> None:
    global _steps
    begin()
    _steps = steps_of(source, _notes)


def _next() -> tuple[Steps, Notes] | None:
    found = next(_steps, None)
    return None if found is None else (found, _notes)
