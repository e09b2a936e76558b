"""What a job is, the states it goes through, and when a model may have another one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ml_exporter.core.ecs import moment
from ml_exporter.retrain.notification import Fate
from ml_exporter.retrain.settings import JobSettings


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    PENDING = "pending"
    SENDING = "sending"
    STARTED = "started"
    FAILED = "failed"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    EXPIRED = "expired"
    DRY_RUN = "dry_run"


STATES: Final = {
    State.WAITING: "waits for a user to approve it",
    State.PENDING: "waits for its first or next attempt",
    State.SENDING: "an attempt is under way; of a command, it runs",
    State.STARTED: "the target has started the run; of a command, it ended with 0",
    State.FAILED: "the target refused it, or all attempts failed",
    State.UNKNOWN: "nobody knows whether the run was started; it is not tried again",
    State.REJECTED: "a user rejected it",
    State.EXPIRED: "no user approved it in time",
    State.DRY_RUN: "it would have been started",
}

ACTIVE: Final = (State.WAITING, State.PENDING, State.SENDING)
"""States that are not final."""

SPENT: Final = (State.STARTED, State.UNKNOWN)
"""Final states that count as a run."""


@dataclass(frozen=True)
class Job:
    """A job; times are seconds since the epoch, ``due`` is that of the next attempt or of the end of waiting."""

    id: str
    model: str
    version: str
    alerts: tuple[str, ...]
    fingerprints: tuple[str, ...]
    starts_at: str
    target: str
    state: State
    reason: str
    run_id: str
    user: str
    attempts: int
    created: float
    changed: float
    due: float

    def document(self) -> dict[str, Any]:
        """Return the job for JSON."""
        return {
            "id": self.id,
            "model": self.model,
            "version": self.version,
            "alerts": list(self.alerts),
            "fingerprints": list(self.fingerprints),
            "starts_at": self.starts_at,
            "target": self.target,
            "state": self.state.value,
            "reason": self.reason,
            "run_id": self.run_id,
            "user": self.user,
            "attempts": self.attempts,
            "created": moment(self.created),
            "changed": moment(self.changed),
            "due": moment(self.due) if self.state in ACTIVE else None,
        }


@dataclass(frozen=True)
class History:
    """What a model's jobs were: whether one is active, the ends of the last runs in seconds, newest first."""

    active: bool
    runs: tuple[float, ...]


def refusal(history: History, job: JobSettings, now: float) -> Fate | None:
    """Return why there must not be another job of a model now, None if there may.

    ``history.runs`` holds at least the newest ``job.runs`` runs.
    """
    if history.active:
        return Fate.UNDER_WAY
    if history.runs and now - history.runs[0] < job.cooldown:
        return Fate.COOLDOWN
    if len([end for end in history.runs if now - end < job.per]) >= job.runs:
        return Fate.BUDGET
    return None
