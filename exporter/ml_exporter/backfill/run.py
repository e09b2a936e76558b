"""From recorded events to the parts of a history."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from ml_exporter.app.runtime import ModelRuntime, runtimes
from ml_exporter.backfill.ahead import TABLES, Source, readers_of, steps_ahead
from ml_exporter.backfill.events import Notes
from ml_exporter.backfill.parcel import Parcel
from ml_exporter.backfill.parts import PARTS, Folder, Writer, fingerprint, part_name, part_seconds
from ml_exporter.backfill.replay import Replay, Snapshot
from ml_exporter.config.load import load
from ml_exporter.core.errors import EventsError, UsageError, nearest

Progress = Callable[[int, int, int], None]


@dataclass(frozen=True)
class BackfillOptions:
    """What the command line says; ``labels`` are those that a scrape would add."""

    events: tuple[Path, ...]
    config: Path
    output: Path
    interval: int = 3600
    model: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[tuple[str, str], ...] = ()


@dataclass
class Backfilled:
    """What came of it: events counted, samples written now, parts left as an earlier run wrote them, and notes."""

    folder: Folder
    seconds: int
    events: int = 0
    samples: int = 0
    kept: int = 0
    first: int = 0
    last: int = 0
    notes: Notes = field(default_factory=Notes)


def backfill(options: BackfillOptions, progress: Progress = lambda rows, total, time: None) -> Backfilled:
    """Write the history of recorded events; ``progress`` is told the rows read, of how many, and the time.

    A part that an earlier run has written stays as it is. EventsError if the events cannot be used.
    """
    model = model_of(options.config, options.model)
    facts = {
        **fingerprint(options.events, options.config, model),
        "model": model.name,
        "interval": options.interval,
        "columns": dict(options.columns),
        "labels": [list(pair) for pair in options.labels],
    }
    folder = Folder(options.output / PARTS / model.name, facts)
    largest = max(of.tallies.layout.size for of in (model.own, *model.versions.values()))
    size = largest * (1 + len(model.windows)) * 8
    result = Backfilled(folder, max(part_seconds(options.interval, size), options.interval))
    if options.columns and not any(path.suffix.lower() in TABLES for path in options.events):
        raise UsageError(f"--column: is for {' and '.join(TABLES)} files; JSON lines have the keys of the intake")
    rows = sum(reader.rows() for reader in readers_of(options.events, model, options.columns, result.notes))
    source = Source(options.events, options.config, model.name, options.columns, options.interval)
    workers, processes = min(os.cpu_count() or 1, 4), multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(workers, processes, _begin, (options.config, model.name, options.labels)) as pool:
        for _ in range(workers):
            pool.submit(_ready)  # a worker starts while the first rows are read
        counting = Replay(model)

        def snapshots() -> Iterator[Snapshot]:
            for steps in steps_ahead(source, result.notes, processes, _begin_process):
                for snapshot in counting.snapshots(steps):
                    result.last = snapshot.time
                    result.first = result.first or snapshot.time
                    yield snapshot
                result.events = steps.taken
                progress(steps.read, rows, result.last)

        running: set[Future[int]] = set()
        for number, part in groupby(snapshots(), key=lambda snapshot: snapshot.time // result.seconds):
            moments = list(part)
            name = part_name(number, result.seconds)
            if folder.has(name):
                result.kept += 1
                continue
            parcel = Parcel(moments)
            task = pool.submit(_write, parcel, folder.path / name)
            task.add_done_callback(lambda _, parcel=parcel: parcel.close())  # type: ignore[misc]
            running.add(task)
            if len(running) > workers:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                result.samples += sum(future.result() for future in done)
        result.samples += sum(future.result() for future in running)
    if result.events:
        folder.remember(result.first, result.last)
    else:
        problems = "".join(f"\n  {line}" for line in result.notes.lines())
        raise EventsError(f"{', '.join(map(str, options.events))}: no events that can be used{problems}")
    return result


def model_of(config: Path, name: str | None) -> ModelRuntime:
    """Return the model of a configuration file that a name, or none, stands for; UsageError if that is none."""
    models = runtimes(load(config))
    if name is None:
        if len(models) > 1:
            raise UsageError(f"--model: must be given, one of {', '.join(models)}")
        return next(iter(models.values()))
    if name not in models:
        raise UsageError(f'--model: no model "{name}" in {config}{nearest(name, models)}')
    return models[name]


_writer: Writer | None = None


def _begin(config: Path, model: str, labels: tuple[tuple[str, str], ...]) -> None:
    global _writer
    _begin_process()
    _writer = Writer.of(config, model, labels)


def _begin_process() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one ends it
    collect_rarely()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def collect_rarely() -> None:
    """Look for circles of garbage once in a million new objects: snapshots and blocks form none."""
    gc.freeze()
    gc.set_threshold(1_000_000)


def _ready() -> None:
    """Do nothing: the pool starts a worker for a task that none is free for."""


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _write(snapshots: Parcel, path: Path) -> int:
    assert _writer is not None
    return _writer.write(snapshots.open(), path)
