"""What the exporter tells about itself: build, configuration, engine, pending labels, HTTP, process."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import numpy as np
import psutil

from ml_exporter import __version__
from ml_exporter.app.engine import EngineStatus
from ml_exporter.app.prediction_log import PredictionLogCounts
from ml_exporter.app.runtime import ModelRuntime
from ml_exporter.app.trail import Trail
from ml_exporter.core.metrics import Block, Rows, counter, gauge, info, one
from ml_exporter.resources.boot import started_at

_BUILD: Final = info(
    "ml_exporter_build_info", "Version of this exporter and of Python.", "version", "pythonversion"
)
_RELOAD_OK: Final = gauge(
    "ml_exporter_config_last_reload_successful", "1 if the configuration in the file is the one in use, else 0."
)
_RELOAD_TIME: Final = gauge(
    "ml_exporter_config_last_reload_success_timestamp_seconds",
    "Time of the last successful load of the configuration.",
)
_READY: Final = gauge("ml_exporter_ready", "1 once earlier state is restored and counting goes on, else 0.")
_COUNTED: Final = counter("ml_exporter_events_counted_total", "Events taken from the queue and counted.")
_UNCOUNTED: Final = counter(
    "ml_exporter_events_uncounted_total", "Events taken from the queue that could not be counted; see the log."
)
_PUBLISHED: Final = gauge(
    "ml_exporter_snapshot_timestamp_seconds",
    "Time of the snapshot on this page; an old one means that counting stands.",
)
_TICK: Final = gauge("ml_exporter_tick_duration_seconds", "Time that the last tick took: commit and evaluation.")
_COMMIT_OK: Final = gauge(
    "ml_exporter_checkpoint_successful",
    "1 if the last commit of the state reached the disk, 0 if state is in memory only.",
)
_COMMIT_TIME: Final = gauge(
    "ml_exporter_checkpoint_timestamp_seconds", "Time of the last commit of the state to disk."
)
_COMMIT_FAILURES: Final = counter("ml_exporter_checkpoint_failures_total", "Commits of the state that failed.")
_JOURNAL: Final = gauge("ml_exporter_journal_bytes", "Size of the journal since the last snapshot of the state.")
_NOTES: Final = gauge(
    "ml_exporter_restore_problems",
    "Things of the earlier state that could not be used at the last start; see the log.",
)
_AUDIT_FAILURES: Final = counter(
    "ml_exporter_audit_failures_total", "Lines that could not be written to the audit log; they are in the log."
)
_LOGGED: Final = counter("ml_exporter_prediction_log_lines_total", "Lines written to the prediction log.")
_LOG_LOST: Final = counter(
    "ml_exporter_prediction_log_lost_total",
    "Sampled events that are not in the prediction log, by reason: queue_full, disk, internal.",
    "reason",
)
_IDS: Final = gauge("ml_exporter_join_ids", "Ids of predictions known for joining and deduplication.", "model")
_PENDING: Final = gauge("ml_exporter_join_pending_ids", "Predictions that wait for their label.", "model")
_EARLY: Final = gauge("ml_exporter_join_early_labels", "Labels that wait for their prediction.", "model")
_CAPACITY: Final = gauge("ml_exporter_join_capacity_ids", "Ids kept at least, if so many come.", "model")
_REQUESTS: Final = counter(
    "ml_exporter_http_requests_total", "Requests answered, by path and status.", "path", "code"
)
_REFUSED: Final = counter(
    "ml_exporter_http_refused_total", "Connections or bodies refused by the server itself, by reason.", "reason"
)
_CPU: Final = counter("ml_exporter_cpu_seconds_total", "CPU time of this exporter.")
_MEMORY: Final = gauge("ml_exporter_resident_memory_bytes", "Resident memory of this exporter.")
_FILES: Final = gauge("ml_exporter_open_fds", "Open file descriptors of this exporter.")
_START: Final = gauge("ml_exporter_start_timestamp_seconds", "Time at which this exporter started.")


class SelfMetrics:
    """Live metrics of the exporter, read at every scrape; they show what happens while counting stands."""

    key = "exporter"
    metrics = (
        *(_BUILD, _RELOAD_OK, _RELOAD_TIME, _READY, _COUNTED, _UNCOUNTED, _PUBLISHED, _TICK),
        *(_COMMIT_OK, _COMMIT_TIME, _COMMIT_FAILURES, _JOURNAL, _NOTES),
        *(_AUDIT_FAILURES, _LOGGED, _LOG_LOST),
        *(_IDS, _PENDING, _EARLY, _CAPACITY, _REQUESTS, _REFUSED, _CPU, _MEMORY, _FILES, _START),
    )

    def __init__(
        self,
        status: EngineStatus,
        models: Callable[[], Mapping[str, ModelRuntime]],
        trail: Trail,
        *,
        has_state: bool,
    ) -> None:
        self.prediction_log: PredictionLogCounts | None = None
        self.reload_ok = True
        self.reloaded = np.nan
        self.requests: Counter[tuple[str, int]] = Counter()
        self.refused: Counter[str] = Counter(
            dict.fromkeys(("connections", "logins", "timeout", "too_large", "unauthorized"), 0)
        )
        self._status = status
        self._models = models
        self._trail = trail
        self._has_state = has_state
        self._process = psutil.Process()
        self._started = started_at(self._process.create_time())

    def collect(self) -> Iterable[Block]:
        """Yield the samples of now."""
        status = self._status
        yield one(_BUILD, 1, __version__, platform.python_version())
        yield one(_RELOAD_OK, int(self.reload_ok))
        yield one(_RELOAD_TIME, self.reloaded)
        yield one(_READY, int(status.ready))
        yield one(_COUNTED, status.counted)
        yield one(_UNCOUNTED, status.uncounted)
        yield one(_PUBLISHED, status.published)
        yield one(_TICK, status.tick_seconds)
        if self._has_state:
            yield one(_COMMIT_OK, int(status.commit_ok))
            yield one(_COMMIT_TIME, status.committed)
            yield one(_COMMIT_FAILURES, status.commit_failures)
            yield one(_JOURNAL, status.journal_bytes)
            yield one(_NOTES, len(status.notes))
        if self._trail.is_kept:
            yield one(_AUDIT_FAILURES, self._trail.failures)
        if self.prediction_log is not None:
            lost = self.prediction_log.lost
            yield one(_LOGGED, self.prediction_log.written)
            yield Block(_LOG_LOST, (), Rows.of(lost), np.array(list(lost.values()), np.int64))
        yield from self._joins()
        if self.requests:
            rows = Rows(tuple((path, str(status)) for path, status in self.requests))
            yield Block(_REQUESTS, (), rows, np.array(list(self.requests.values()), np.int64))
        yield Block(_REFUSED, (), Rows.of(self.refused), np.array(list(self.refused.values()), np.int64))
        with self._process.oneshot():
            times = self._process.cpu_times()
            yield one(_CPU, times.user + times.system)
            yield one(_MEMORY, self._process.memory_info().rss)
            yield one(_FILES, self._process.num_fds())
        yield one(_START, self._started)

    def _joins(self) -> Iterable[Block]:
        for name, model in self._models().items():
            if model.state is None:
                continue
            join = model.state.join
            yield one(_IDS, join.ids, name)
            yield one(_PENDING, join.pending, name)
            yield one(_EARLY, join.early, name)
            yield one(_CAPACITY, join.capacity, name)
