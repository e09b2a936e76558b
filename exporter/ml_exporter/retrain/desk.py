"""Where decisions are made: notifications and users' words become jobs, on disk and in the audit log."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ml_exporter.core.clock import Clock
from ml_exporter.retrain.audit import Audit
from ml_exporter.retrain.jobs import Job, State
from ml_exporter.retrain.notification import Fate, Ignored, Reading
from ml_exporter.retrain.settings import JobSettings
from ml_exporter.retrain.store import Store

log = logging.getLogger(__name__)

_LINES: Final = 50
"""Lines of the audit log at most for the ignored alerts of one notification (chosen)."""

_NAMES: Final = 20
"""Names of alerts in such a line at most (chosen)."""


@dataclass(frozen=True)
class Receipt:
    """What became of a notification: the jobs that it started, and its alerts by fate."""

    jobs: tuple[str, ...]
    fates: Mapping[Fate, int]


class Desk:
    """Decides; its methods run in the thread of the store and raise sqlite3.Error if nothing could be decided."""

    def __init__(self, store: Store, audit: Audit, clock: Clock) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock

    def take(self, reading: Reading, jobs: Mapping[str, JobSettings]) -> Receipt:
        """Make the jobs that a notification asks for; when it returns they are on disk."""
        ignored = list(reading.ignored)
        fates: Counter[Fate] = Counter(item.fate for item in ignored)
        made = []
        for model, alerts in reading.candidates.items():
            verdict = self._store.offer(model, alerts, jobs[model], self._clock.wall())
            if isinstance(verdict, Job):
                made.append(verdict.id)
                self._audit.job("dry_run" if verdict.state is State.DRY_RUN else "accepted", verdict)
                log.info("job made", extra={"job": verdict.id, "model": model, "state": verdict.state.value})
                fates[Fate.JOB] += len(alerts)
            else:
                fates[verdict] += len(alerts)
                ignored += [Ignored(model, alert.name, verdict) for alert in alerts]
        self._note(ignored)
        return Receipt(tuple(made), fates)

    def decide(self, id: str, user: str, *, approve: bool) -> Job | None:
        """Approve or reject a waiting job; None if there is none with this id that waits."""
        job, now = self._store.job(id), self._clock.wall()
        if job is None or job.state is not State.WAITING or job.due <= now:
            return None
        state = State.PENDING if approve else State.REJECTED
        changed = self._store.change(job, state, now, user=user, due=now)
        if changed is not None:
            self._audit.job("approved" if approve else "rejected", changed)
        return changed

    def _note(self, ignored: list[Ignored]) -> None:
        groups: dict[tuple[str, Fate], list[str]] = {}
        for item in ignored:
            groups.setdefault((item.model, item.fate), []).append(item.alert)
        kept = list(groups.items())[:_LINES]
        for (model, fate), names in kept:
            self._audit.ignored(model, list(dict.fromkeys(names))[:_NAMES], fate.value, len(names))
        left = sum(map(len, groups.values())) - sum(len(names) for _, names in kept)
        if left:
            self._audit.ignored("", [], "further alerts of the same notification", left)
