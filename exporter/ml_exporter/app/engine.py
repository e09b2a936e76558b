"""The one writer: counts what waits in the queue, commits it to disk, and publishes a snapshot."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ml_exporter.app.evaluation import Evaluator
from ml_exporter.app.prediction_log import PredictionLog
from ml_exporter.app.runtime import ModelRuntime, states
from ml_exporter.core.clock import Clock
from ml_exporter.core.metrics import Block
from ml_exporter.core.pipelines import Report
from ml_exporter.core.privacy import without_message
from ml_exporter.ingest.assemble import Predictions, from_columns, from_events, hash_ids
from ml_exporter.ingest.queue import Batch, IntakeQueue, Kind, ModelIntake
from ml_exporter.state import checkpoint
from ml_exporter.state.directory import StateDirectory
from ml_exporter.state.pipeline_metrics import PipelineBlocks
from ml_exporter.state.pipelines import Pipelines

log = logging.getLogger(__name__)

CHUNK: Final = 8_192
"""Events turned into columns at a time (chosen: the columns stay within the processor's cache)."""

SNAPSHOT_SECONDS: Final = 300.0
SNAPSHOT_BYTES: Final = 64 << 20
"""A journal older or larger than these is folded into a new snapshot (chosen: a restart then takes a second)."""

_COMMIT_GAP: Final = 0.05
"""Least time between two commits that senders wait for; more of them share one (chosen)."""

_SHARE: Final = 0.2
"""Share of the time that evaluation may take; beyond it snapshots come less often than the interval (chosen)."""


@dataclass
class EngineStatus:
    """What the engine tells about itself; numbers written by it and read by others."""

    ready: bool = False
    counted: int = 0
    uncounted: int = 0
    ticks: int = 0
    tick_seconds: float = 0.0
    published: float = np.nan
    committed: float = np.nan
    commit_failures: int = 0
    commit_ok: bool = True
    journal_bytes: int = 0
    notes: list[str] = field(default_factory=list)


class Engine:
    """Owns all state. Everything here runs in its one thread, but for :meth:`start`, :meth:`stop` and the status.

    A tick commits what was counted since the last one, then folds it into the sums, then publishes: no
    number is exposed that a restart would lose. If the commit fails, the sums go on in memory and the
    state directory is told that they are ahead of it.
    """

    def __init__(
        self,
        models: Mapping[str, ModelRuntime],
        queue: IntakeQueue,
        directory: StateDirectory | None,
        publish: Callable[[list[Block]], None],
        clock: Clock,
        interval: float,
        evaluator: Evaluator,
        on_failure: Callable[[], None],
    ) -> None:
        self.status = EngineStatus()
        self.models = dict(models)
        self.interval = interval
        self.prediction_log: PredictionLog | None = None
        self.pipelines = Pipelines()
        self._pipeline_blocks = PipelineBlocks(self.pipelines)
        self._queue = queue
        self._directory = directory
        self._publish = publish
        self._clock = clock
        self._evaluator = evaluator
        self._on_failure = on_failure
        self._seed = secrets.randbits(63)
        self._waiting: list[Callable[[bool], None]] = []
        self._snapshot_due = True
        self._gap = True  # something is not in the journal: only a snapshot brings the files up to date
        self._snapshot_taken = 0.0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Begin to recover, then to count."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Count what waits, write a snapshot, end; return whether that was done within ``timeout`` seconds."""
        self._stopping = True
        self._queue.wake.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def command(self, function: Callable[[], None]) -> Batch:
        """Return a queue item that calls ``function`` in this thread, after the events before it are counted."""
        return Batch(Kind.COMMAND, None, function, 0, 0)

    def report(self, report: Report, done: Callable[[bool], None]) -> bool:
        """Hand a report about a pipeline to this thread; ``done`` hears there whether it is on disk.

        Returns False if nothing is counted any more.
        """
        return self._change(lambda: self.pipelines.take(report), done)

    def forget_pipeline(
        self, name: str, found: Callable[[bool | None], None], done: Callable[[bool], None]
    ) -> bool:
        """Forget a pipeline as ``report`` takes one; ``found`` hears what :meth:`Pipelines.forget` returns."""
        return self._change(lambda: found(self.pipelines.forget(name)), done)

    def _change(self, function: Callable[[], None], done: Callable[[bool], None]) -> bool:
        if self._queue.closed:
            return False
        self._queue.put([Batch(Kind.COMMAND, None, function, 0, 0, done)])
        return True

    def replace_models(self, models: Mapping[str, ModelRuntime]) -> None:
        """Go on with other models; those whose sums mean the same keep them. Only by :meth:`command`."""
        self._commit()
        for name, model in models.items():
            old = self.models.get(name)
            if old is None or not model.adopt(old):
                if old is not None:
                    log.warning("model begins anew: its baseline or features changed", extra={"model": name})
                model.begin()
        self.models = dict(models)
        self._snapshot_due = self._gap = True
        self.tick()

    def _run(self) -> None:
        try:
            self.recover()
            self._loop()
        except Exception:
            log.critical("engine failed", exc_info=True)
            self.status.ready = False
            self._on_failure()

    def _loop(self) -> None:
        next_tick = time.monotonic()
        while not self._stopping:
            self._queue.wake.wait(max(0.0, next_tick - time.monotonic()))
            self._queue.wake.clear()
            self.count()
            now = time.monotonic()
            if now >= next_tick:
                self.tick()
                spent = time.monotonic() - now
                next_tick = max(now + self.interval, now + spent / _SHARE)
            elif self._waiting:
                self._commit()
                time.sleep(_COMMIT_GAP)
        self._finish()

    def _finish(self) -> None:
        self._queue.closed = True
        self.count()
        self._snapshot_due = True
        self.tick()
        if self._directory is not None:
            self._directory.close()

    def recover(self) -> None:
        """Give every model its state, with what an earlier run left."""
        for model in self.models.values():
            model.begin()
        if self._directory is not None:
            found = self._directory.recover()
            notes = found.notes + checkpoint.restore(
                states(self.models), self._fingerprints, found, self._clock.steady()
            )
            notes += self.pipelines.restore(found)
            if found.snapshot is not None:
                self._seed = found.snapshot.header["seed"]
            self.status.notes = notes
            for note in notes:
                log.warning(note)
        self.pipelines.configure(self.pipelines.intervals, self._clock.wall())
        self.tick()
        self.status.ready = True

    # Counting.

    def count(self) -> None:
        """Count everything that waits in the queue."""
        batches = self._queue.take()
        start = 0
        for place, batch in enumerate(batches):
            if batch.kind is Kind.COMMAND:
                self._count_all(batches[start:place])
                batch.content()
                if batch.done is not None:
                    self._waiting.append(batch.done)
                start = place + 1
        self._count_all(batches[start:])

    def _count_all(self, batches: list[Batch]) -> None:
        groups: dict[tuple[Kind, int], list[Batch]] = {}
        for batch in batches:
            groups.setdefault((batch.kind, id(batch.model)), []).append(batch)
        for kind in (Kind.EVENTS, Kind.COLUMNS, Kind.LABELS, Kind.FEEDBACK):
            for (group_kind, _), group in groups.items():
                if group_kind is kind:
                    counted = self._count_group(kind, group)
                    done = [batch.done for batch in group if batch.done is not None]
                    if counted:
                        self._waiting += done
                    else:
                        _tell(done, False)
        self._queue.release(batches)

    def _count_group(self, kind: Kind, group: list[Batch]) -> bool:
        """Count batches of one kind and model; return False if they had to be dropped."""
        events = sum(batch.events for batch in group)
        intake = group[0].model
        try:
            assert intake is not None
            model = self.models.get(intake.name)
            if model is None or (
                model.intake is not intake
                and model.intake.types.schema.fingerprint() != intake.types.schema.fingerprint()
            ):
                log.warning("events dropped: their model was reloaded", extra={"events": events})
                self.status.uncounted += events
                return False
            if kind is Kind.LABELS:
                self._count_labels(model, intake, group)
            elif kind is Kind.FEEDBACK:
                self._count_feedback(model, group)
            else:
                self._count_predictions(model, intake, kind, group)
            self.status.counted += events
            return True
        except Exception as error:
            told = {"events": events}
            log.error("events could not be counted", extra=told, exc_info=without_message(error))
            self.status.uncounted += events
            return False

    def _count_predictions(self, model: ModelRuntime, intake: ModelIntake, kind: Kind, group: list[Batch]) -> None:
        if kind is Kind.COLUMNS:
            for batch in group:
                columns, rows = batch.content
                counted = from_columns(intake.types, columns, rows, intake.version, self._seed)
                self._add(model, counted)
                if self.prediction_log is not None and model.is_logged:
                    ids = columns.id or [None] * rows
                    self.prediction_log.predictions(intake, ids, counted, self._clock.wall())
            return
        events: list[Any] = []
        for batch in group:
            events += batch.content
        for start in range(0, len(events), CHUNK):
            chunk = events[start : start + CHUNK]
            counted = from_events(intake.types, chunk, intake.version, self._seed)
            self._add(model, counted)
            if self.prediction_log is not None and model.is_logged:
                ids = [event.id for event in chunk]
                self.prediction_log.predictions(intake, ids, counted, self._clock.wall())

    def _add(self, model: ModelRuntime, batch: Predictions) -> None:
        assert model.state is not None
        model.state.count_predictions(
            batch.columns,
            batch.hashes,
            batch.identified,
            batch.versions,
            self._clock.steady(),
            self._clock.wall(),
        )

    def _count_labels(self, model: ModelRuntime, intake: ModelIntake, group: list[Batch]) -> None:
        assert model.state is not None
        ids = [item for batch in group for item in batch.content[0]]
        labels = np.concatenate([batch.content[1] for batch in group])
        times = np.concatenate([batch.content[2] for batch in group])
        hashes, _ = hash_ids(ids, self._seed)
        now = self._clock.steady()
        model.state.count_labels(hashes, np.where(np.isnan(times), now, times), labels, now, self._clock.wall())
        if self.prediction_log is not None and model.is_logged:
            wall = self._clock.wall()
            self.prediction_log.labels(intake, ids, labels, np.where(times >= 0, times, wall))

    def _count_feedback(self, model: ModelRuntime, group: list[Batch]) -> None:
        assert model.state is not None
        for batch in group:
            ids, columns = batch.content
            hashes, _ = hash_ids(ids, self._seed)
            model.state.count_feedback(hashes, columns, self._clock.steady())

    # Committing and publishing.

    @property
    def _fingerprints(self) -> checkpoint.Fingerprints:
        return {name: model.fingerprint for name, model in self.models.items()}

    def tick(self) -> None:
        """Commit, let the windows slide, and publish a snapshot."""
        began = time.monotonic()
        self._commit()
        blocks = self._evaluator.evaluate(self.models) + self._pipeline_blocks.blocks()
        self._publish(blocks)
        self.status.published = self._clock.wall()
        self.status.ticks += 1
        self.status.tick_seconds = time.monotonic() - began

    def _commit(self) -> None:
        now = self._clock.steady()
        models = states(self.models)
        for state in models.values():
            state.expire(now)
        committed = self._write_changes(models, now)
        for state in models.values():
            state.fold(now)
        if committed and self._directory is not None:
            committed = self._write_snapshot(models, now)
        waiting, self._waiting = self._waiting, []
        _tell(waiting, committed)

    def _write_changes(self, models: Mapping[str, Any], now: float) -> bool:
        """Write what was counted since the last commit; return whether it is on disk or will be by a snapshot."""
        if self._directory is None:
            for state in models.values():
                state.join.changes()
                state.dropped_versions()
            self.pipelines.changes()
            return True
        record = checkpoint.tick_record(models, self._fingerprints, now)
        record.header |= self.pipelines.changes()
        if self._gap:
            return True
        try:
            for state in models.values():
                state.join.save()
            self._directory.append(record)
        except OSError as error:
            self._failed(error)
            return False
        self._succeeded()
        return True

    def _write_snapshot(self, models: Mapping[str, Any], now: float) -> bool:
        """Write a snapshot if one is due; return False if it was and could not be written."""
        assert self._directory is not None
        old = time.monotonic() - self._snapshot_taken > SNAPSHOT_SECONDS
        if not (self._snapshot_due or old or self._directory.journal_bytes > SNAPSHOT_BYTES):
            return True
        try:
            for state in models.values():
                state.join.save()
            whole = checkpoint.snapshot_record(models, self._fingerprints, now, self._seed)
            whole.header |= self.pipelines.whole()
            self._directory.snapshot(whole, complete=not self._gap)
            for state in models.values():
                state.join.tidy()
        except OSError as error:
            self._failed(error)
            return False
        self._snapshot_due = self._gap = False
        self._snapshot_taken = time.monotonic()
        self._succeeded()
        return True

    def _failed(self, error: OSError) -> None:
        if self.status.commit_ok:
            log.error("state cannot be written; counting goes on in memory", extra={"error": str(error)})
        self.status.commit_ok = False
        self.status.commit_failures += 1
        self._snapshot_due = self._gap = True
        self._mark_ahead(True)

    def _succeeded(self) -> None:
        assert self._directory is not None
        if not self.status.commit_ok:
            log.info("state is written again")
        self.status.commit_ok = True
        self.status.committed = self._clock.wall()
        self.status.journal_bytes = self._directory.journal_bytes
        self._mark_ahead(False)

    def _mark_ahead(self, ahead: bool) -> None:
        assert self._directory is not None
        try:
            self._directory.set_ahead(ahead)
        except OSError:
            log.error("the state directory cannot even be marked; counters may fall after a crash")


def _tell(waiting: list[Callable[[bool], None]], committed: bool) -> None:
    for done in waiting:
        done(committed)
