"""What the bridge tells about itself."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import numpy as np

from ml_exporter import __version__
from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.metrics import ONE, Block, Metric, Rows, counter, gauge, histogram, info, one
from ml_exporter.retrain.jobs import ACTIVE, State
from ml_exporter.retrain.notification import MALFORMED, VERSION, Fate
from ml_exporter.retrain.settings import JobSettings
from ml_exporter.retrain.store import Summary
from ml_exporter.retrain.targets.target import Result

_BUILD: Final = info("ml_retrain_build_info", "Version of this bridge and of Python.", "version", "pythonversion")
_RELOAD_OK: Final = gauge(
    "ml_retrain_config_last_reload_successful", "1 if the configuration in the file is the one in use, else 0."
)
_RELOAD_TIME: Final = gauge(
    "ml_retrain_config_last_reload_success_timestamp_seconds",
    "Time of the last successful load of the configuration.",
)
_NOTIFICATIONS: Final = counter(
    "ml_retrain_notifications_total",
    "Notifications by what became of them: taken, refused as malformed, too_large or of another version, or"
    " state_failed, which Alertmanager sends again.",
    "result",
)
_ALERTS: Final = counter(
    "ml_retrain_alerts_total", "Alerts in notifications, by whether one led to a job or why not.", "result"
)
_JOBS: Final = counter("ml_retrain_jobs_total", "Jobs that entered a state, restarts included.", "model", "state")
_ACTIVE: Final = gauge(
    "ml_retrain_jobs_active", "Jobs that have not ended: waiting, pending or sending.", "model", "state"
)
_LAST_STATE: Final = gauge(
    "ml_retrain_last_job_state", "1 for the state of a model's newest job, 0 for all others.", "model", "state"
)
_LAST_SUCCESS: Final = gauge(
    "ml_retrain_last_success_timestamp_seconds", "Time at which the last run of a model was started.", "model"
)
_ATTEMPTS: Final = counter(
    "ml_retrain_attempts_total", "Attempts to start a run, by what came of them.", "model", "result"
)
_SECONDS: Final = histogram(
    "ml_retrain_target_duration_seconds",
    "Time of an attempt, by kind of target; of a command, until it ended.",
    (0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 14400.0, 86400.0),
    "target",
)
_STATE_FAILURES: Final = counter(
    "ml_retrain_state_failures_total", "Reads and writes of the state that failed; each is tried again."
)
_AUDIT_FAILURES: Final = counter("ml_retrain_audit_failures_total", "Decisions that could not be written down.")
_REQUESTS: Final = counter(
    "ml_retrain_http_requests_total", "Requests answered, by path and status.", "path", "code"
)
_REFUSED: Final = counter(
    "ml_retrain_http_refused_total", "Connections or bodies refused by the server itself, by reason.", "reason"
)

TAKEN: Final = "taken"
TOO_LARGE: Final = "too_large"
STATE_FAILED: Final = "state_failed"


class Metrics:
    """The counts of one bridge; what the jobs tell is read from the store's summary."""

    key = "retrain"
    metrics = (
        *(_NOTIFICATIONS, _ALERTS, _JOBS, _ACTIVE, _LAST_STATE, _LAST_SUCCESS, _ATTEMPTS, _SECONDS),
        *(_STATE_FAILURES, _AUDIT_FAILURES, _REQUESTS, _REFUSED, _BUILD, _RELOAD_OK, _RELOAD_TIME),
    )

    def __init__(
        self,
        summary: Callable[[], Summary],
        jobs: Callable[[], Mapping[str, JobSettings]],
        audit_failures: Callable[[], int],
    ) -> None:
        self.reload_ok = True
        self.reloaded = np.nan
        self.state_failures = 0
        self.notifications = Counter(dict.fromkeys((TAKEN, MALFORMED, VERSION, TOO_LARGE, STATE_FAILED), 0))
        self.alerts = Counter(dict.fromkeys(Fate, 0))
        self.attempts: Counter[tuple[str, Result]] = Counter()
        self.requests: Counter[tuple[str, int]] = Counter()
        self.refused: Counter[str] = Counter(
            dict.fromkeys(("connections", "logins", "timeout", "too_large", "unauthorized"), 0)
        )
        self._summary = summary
        self._jobs = jobs
        self._audit_failures = audit_failures
        self._seconds: dict[str, FloatArray] = {}

    def observe(self, kind: str, seconds: float) -> None:
        """Count the time of an attempt."""
        counts = self._seconds.setdefault(kind, np.zeros(len(_SECONDS.buckets) + 2))
        counts[np.searchsorted(_SECONDS.buckets, seconds)] += 1
        counts[-1] += seconds

    def collect(self) -> Iterable[Block]:
        """Yield the samples of now."""
        jobs, summary = self._jobs(), self._summary()
        states = [(model, state.value) for model in jobs for state in State]
        yield _counts(_NOTIFICATIONS, {(name,): count for name, count in self.notifications.items()})
        yield _counts(_ALERTS, {(fate.value,): count for fate, count in self.alerts.items()})
        yield _counts(_JOBS, {pair: summary.totals.get(pair, 0) for pair in states})
        active = [(model, state.value) for model in jobs for state in ACTIVE]
        yield _counts(_ACTIVE, {pair: summary.active.get(pair, 0) for pair in active})
        yield _counts(
            _LAST_STATE, {(model, state): int(summary.last_state.get(model) == state) for model, state in states}
        )
        for model in jobs:
            yield one(_LAST_SUCCESS, summary.last_started.get(model, np.nan), model)
        pairs = [(model, result) for model in jobs for result in Result]
        yield _counts(_ATTEMPTS, {(model, result.value): self.attempts[model, result] for model, result in pairs})
        for kind in sorted({job.kind for job in jobs.values()}):
            counts = self._seconds.get(kind, np.zeros(len(_SECONDS.buckets) + 2))
            yield Block(_SECONDS, (kind,), ONE, counts)
        yield one(_STATE_FAILURES, self.state_failures)
        yield one(_AUDIT_FAILURES, self._audit_failures())
        if self.requests:
            yield _counts(_REQUESTS, {(path, str(code)): count for (path, code), count in self.requests.items()})
        yield _counts(_REFUSED, {(reason,): count for reason, count in self.refused.items()})
        yield one(_BUILD, 1, __version__, platform.python_version())
        yield one(_RELOAD_OK, int(self.reload_ok))
        yield one(_RELOAD_TIME, self.reloaded)


def _counts(metric: Metric, values: Mapping[tuple[str, ...], int]) -> Block:
    return Block(metric, (), Rows(tuple(values)), np.array(list(values.values()), np.int64))
