"""The jobs on disk: every change is one SQLite transaction that has reached the disk when it returns."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ml_exporter.core.errors import StateError
from ml_exporter.retrain.jobs import ACTIVE, SPENT, History, Job, State, refusal
from ml_exporter.retrain.notification import Alert, Fate
from ml_exporter.retrain.settings import DAY, JobSettings

FORGET_ALERTS: Final = 90 * DAY
"""Time after which an alert that no longer comes is forgotten (chosen)."""

FORGET_JOBS: Final = 400 * DAY
"""Time for which ended jobs are kept (chosen)."""

_VERSION: Final = 1
_COLUMNS: Final = (
    "id, model, version, alerts, fingerprints, starts_at, target, state, reason, run_id, user, attempts, created,"
    " changed, due"
)
_NEWEST: Final = "SELECT model, state, max(created) FROM jobs GROUP BY model"
_SCHEMA: Final = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY, model TEXT NOT NULL, version TEXT NOT NULL, alerts TEXT NOT NULL,
    fingerprints TEXT NOT NULL, starts_at TEXT NOT NULL, target TEXT NOT NULL, state TEXT NOT NULL,
    reason TEXT NOT NULL, run_id TEXT NOT NULL, user TEXT NOT NULL, attempts INTEGER NOT NULL,
    created REAL NOT NULL, changed REAL NOT NULL, due REAL NOT NULL
);
CREATE INDEX jobs_by_model ON jobs (model, state, changed);
CREATE INDEX jobs_by_state ON jobs (state, due);
CREATE TABLE seen (key BLOB PRIMARY KEY, last REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE totals (
    model TEXT NOT NULL, state TEXT NOT NULL, jobs INTEGER NOT NULL, PRIMARY KEY (model, state)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Summary:
    """What the metrics tell: how many jobs ever entered a state, where they are, and each model's last one."""

    totals: Mapping[tuple[str, str], int] = field(default_factory=dict)
    active: Mapping[tuple[str, str], int] = field(default_factory=dict)
    last_state: Mapping[str, str] = field(default_factory=dict)
    last_started: Mapping[str, float] = field(default_factory=dict)


class Store:
    """The jobs; used by one thread at a time, and by one process: another one gets StateError.

    Methods raise sqlite3.Error if the disk fails; then nothing has changed. ``summary`` follows each change and
    may be read by any thread.
    """

    def __init__(self, file: Path) -> None:
        self.summary = Summary()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = sqlite3.connect(file, timeout=0.5, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise StateError(f"state.file: {file} cannot be opened: {error}") from error
        try:
            self._open()
        except sqlite3.Error as error:
            self._db.close()
            busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY if hasattr(error, "sqlite_errorcode") else False
            what = "is in use by another process" if busy else f"cannot be used: {error}"
            raise StateError(f"state.file: {file} {what}") from error
        except StateError:
            self._db.close()
            raise

    def _open(self) -> None:
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        with self._change():
            (found,) = self._db.execute("PRAGMA user_version").fetchone()
            if found not in (0, _VERSION):
                raise StateError(f"state.file: is of version {found}; this ml-exporter reads {_VERSION}")
            if not found:
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {_VERSION:d}")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def offer(self, model: str, alerts: Sequence[Alert], settings: JobSettings, now: float) -> Job | Fate:
        """Make a job of those alerts of a model that did not come before, or return why there is none."""
        with self._change():
            new = [alert for alert in alerts if not self._was_seen(alert, now)]
            if not new:
                return Fate.DUPLICATE
            refused = refusal(self._history(model, settings), settings, now)
            if refused is not None:
                return refused
            state, due = _beginning(settings, now)
            job = Job(
                id=secrets.token_hex(8),
                model=model,
                version=next((alert.version for alert in new if alert.version), ""),
                alerts=tuple(dict.fromkeys(alert.name for alert in new)),
                fingerprints=tuple(dict.fromkeys(alert.fingerprint for alert in new))[:100],
                starts_at=min(alert.starts_at for alert in new),
                target=settings.kind,
                state=state,
                reason="",
                run_id="",
                user="",
                attempts=0,
                created=now,
                changed=now,
                due=due,
            )
            self._db.execute(f"INSERT INTO jobs ({_COLUMNS}) VALUES ({', '.join('?' * 15)})", _row(job))
            self._count(model, state)
            self._db.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", [(alert.key, now) for alert in new])
            return job

    def due(self, now: float) -> list[Job]:
        """Return the jobs whose next attempt is due."""
        return self._jobs("WHERE state = ? AND due <= ? ORDER BY due", State.PENDING, now)

    def expired(self, now: float) -> list[Job]:
        """Return the jobs that have waited too long for a user's word."""
        return self._jobs("WHERE state = ? AND due <= ? ORDER BY due", State.WAITING, now)

    def interrupted(self) -> list[Job]:
        """Return the jobs of which an attempt was under way when the process ended."""
        return self._jobs("WHERE state = ? ORDER BY changed", State.SENDING)

    def latest(self, count: int) -> list[Job]:
        """Return the newest jobs, newest first."""
        return self._jobs("ORDER BY created DESC, rowid DESC LIMIT ?", count)

    def job(self, id: str) -> Job | None:
        """Return a job, None if there is none with this id."""
        return next(iter(self._jobs("WHERE id = ?", id)), None)

    def change(self, job: Job, state: State, now: float, **values: str | int | float) -> Job | None:
        """Bring a job into a state, with other values of some columns; None if it is not as ``job`` has it."""
        allowed = {"reason", "run_id", "user", "attempts", "due", "target"}
        assert values.keys() <= allowed
        columns = "".join(f", {name} = ?" for name in values)
        with self._change():
            done = self._db.execute(
                f"UPDATE jobs SET state = ?, changed = ?{columns} WHERE id = ? AND state = ?",
                (state, now, *values.values(), job.id, job.state),
            )
            if not done.rowcount:
                return None
            if state is not job.state:
                self._count(job.model, state)
            return self.job(job.id)

    def forget(self, now: float) -> None:
        """Delete what is too old to matter."""
        with self._change():
            self._db.execute("DELETE FROM seen WHERE last < ?", (now - FORGET_ALERTS,))
            marks = ", ".join("?" * len(ACTIVE))
            self._db.execute(
                f"DELETE FROM jobs WHERE changed < ? AND state NOT IN ({marks})", (now - FORGET_JOBS, *ACTIVE)
            )

    def _was_seen(self, alert: Alert, now: float) -> bool:
        done = self._db.execute("UPDATE seen SET last = ? WHERE key = ?", (now, alert.key))
        return done.rowcount > 0

    def _history(self, model: str, settings: JobSettings) -> History:
        spent = (*SPENT, State.DRY_RUN) if settings.mode == "dry_run" else SPENT
        active = self._db.execute(
            f"SELECT 1 FROM jobs WHERE model = ? AND state IN ({', '.join('?' * len(ACTIVE))})", (model, *ACTIVE)
        ).fetchone()
        ends = self._db.execute(
            f"SELECT changed FROM jobs WHERE model = ? AND state IN ({', '.join('?' * len(spent))})"
            " ORDER BY changed DESC LIMIT ?",
            (model, *spent, settings.runs),
        ).fetchall()
        return History(active is not None, tuple(end for (end,) in ends))

    def _count(self, model: str, state: State) -> None:
        self._db.execute(
            "INSERT INTO totals VALUES (?, ?, 1) ON CONFLICT (model, state) DO UPDATE SET jobs = jobs + 1",
            (model, state),
        )

    def _jobs(self, clause: str, *values: str | float) -> list[Job]:
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM jobs {clause}", values).fetchall()
        return [_job(row) for row in rows]

    @contextmanager
    def _change(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        with suppress(sqlite3.Error):  # what was changed is on disk whatever happens here
            self.summary = self._summarise()

    def _summarise(self) -> Summary:
        query: Callable[[str], list[tuple[Any, ...]]] = lambda text: self._db.execute(text).fetchall()  # noqa: E731
        return Summary(
            {(model, state): jobs for model, state, jobs in query("SELECT model, state, jobs FROM totals")},
            {
                (model, state): jobs
                for model, state, jobs in query(
                    "SELECT model, state, count(*) FROM jobs WHERE state IN ('waiting', 'pending', 'sending')"
                    " GROUP BY model, state"
                )
            },
            {model: state for model, state, _ in query(_NEWEST)},
            dict(query("SELECT model, max(changed) FROM jobs WHERE state = 'started' GROUP BY model")),
        )


def _beginning(settings: JobSettings, now: float) -> tuple[State, float]:
    if settings.mode == "dry_run":
        return State.DRY_RUN, now
    if settings.mode == "approval":
        return State.WAITING, now + settings.approval_timeout
    return State.PENDING, now


def _row(job: Job) -> tuple[Any, ...]:
    return (
        *(job.id, job.model, job.version, json.dumps(job.alerts), json.dumps(job.fingerprints), job.starts_at),
        *(job.target, job.state, job.reason, job.run_id, job.user, job.attempts),
        *(job.created, job.changed, job.due),
    )


def _job(row: tuple[Any, ...]) -> Job:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    for name in ("alerts", "fingerprints"):
        values[name] = tuple(json.loads(values[name]))
    return Job(**{**values, "state": State(values["state"])})
