"""The loop that sends jobs to their targets, tries again, and lets approvals expire."""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, Protocol, TypeVar

from ml_exporter.core.clock import Clock
from ml_exporter.core.errors import SecretError
from ml_exporter.retrain.audit import Audit
from ml_exporter.retrain.jobs import Job, State
from ml_exporter.retrain.metrics import Metrics
from ml_exporter.retrain.settings import JobSettings, Retry
from ml_exporter.retrain.store import Store
from ml_exporter.retrain.targets.target import Facts, Outcome, Result

log = logging.getLogger(__name__)

T = TypeVar("T")


class InStore(Protocol):
    """Runs a function in the thread of the store."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]:
        """Return what the function returns."""


_TURN_SECONDS: Final = 0.5
_FORGET_SECONDS: Final = 3600.0
_REWRITE_SECONDS: Final = 1.0
_LONGEST_ASKED: Final = 3600.0
"""Longest wait that a target can ask for (chosen)."""


class Dispatcher:
    """Sends jobs; ``jobs`` returns the settings in use."""

    def __init__(
        self,
        store: Store,
        in_store: InStore,
        jobs: Callable[[], Mapping[str, JobSettings]],
        audit: Audit,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self.wake = asyncio.Event()
        self._store = store
        self._in_store = in_store
        self._jobs = jobs
        self._audit = audit
        self._metrics = metrics
        self._clock = clock
        self._halt = threading.Event()
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._forgotten = 0.0

    def resume(self) -> None:
        """Settle the attempts that were under way when the process before this one ended.

        Where the target is idempotent they are made again; elsewhere nobody knows what came of them. Runs in
        the store's thread.
        """
        now = self._clock.wall()
        for job in self._store.interrupted():
            settings = self._jobs().get(job.model)
            if settings is not None and settings.kind == job.target and settings.target.idempotent:
                changed = self._store.change(job, State.PENDING, now, due=now, reason="the bridge ended meanwhile")
            else:
                why = "the bridge ended during the attempt; look at the target whether the run was started"
                changed = self._store.change(job, State.UNKNOWN, now, reason=why)
            if changed is not None:
                self._audit.job("resumed" if changed.state is State.PENDING else "unknown", changed)
                log.warning("job was interrupted", extra={"job": job.id, "state": changed.state.value})

    async def run(self) -> None:
        """Send what is due until the task is cancelled."""
        while True:
            self.wake.clear()
            try:
                due = await self._in_store(self._prepare)
            except sqlite3.Error as error:
                self._failed("jobs not read", error)
                due = []
            for job in due:
                if job.id not in self._sending:
                    task = asyncio.get_running_loop().create_task(self._send(job))
                    self._sending[job.id] = task
                    task.add_done_callback(partial(self._sent, job.id))
            with suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), _TURN_SECONDS)

    async def stop(self, seconds: float) -> None:
        """End commands that run and wait for other attempts; what remains is settled at the next start."""
        self._halt.set()
        if self._sending:
            await asyncio.wait(self._sending.values(), timeout=seconds)

    def _prepare(self) -> list[Job]:
        now = self._clock.wall()
        for job in self._store.expired(now):
            changed = self._store.change(job, State.EXPIRED, now, reason="nobody approved it in time")
            if changed is not None:
                self._audit.job("expired", changed)
        if now - self._forgotten > _FORGET_SECONDS:
            self._store.forget(now)
            self._forgotten = now
        return self._store.due(now)

    def _sent(self, id: str, task: asyncio.Task[None]) -> None:
        self._sending.pop(id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("job not settled; the next start will", extra={"job": id}, exc_info=error)

    async def _send(self, job: Job) -> None:
        settings = self._jobs().get(job.model)
        if settings is None:
            await self._write(job, State.FAILED, reason="the configuration has no job of this model any more")
            return
        if settings.mode == "dry_run":
            await self._write(job, State.DRY_RUN, reason="the mode became dry_run before it was started")
            return
        attempt = job.attempts + 1
        sending = await self._write(job, State.SENDING, attempts=attempt, target=settings.kind, once=True)
        if sending is None:
            return
        began = time.monotonic()
        outcome = await _in_thread(lambda: self._attempt(sending, settings), f"job-{job.id}")
        if outcome is None:
            return
        self._metrics.observe(settings.kind, time.monotonic() - began)
        self._metrics.attempts[job.model, outcome.result] += 1
        await self._settle(sending, outcome, settings.retry)

    def _attempt(self, job: Job, settings: JobSettings) -> Outcome | None:
        facts = Facts(
            job.id, job.model, job.version, job.alerts, job.fingerprints, job.starts_at, settings.parameters
        )
        try:
            return settings.target.start(facts, self._halt)
        except SecretError as error:
            return Outcome(Result.RETRY, str(error))
        except Exception:
            log.exception("attempt failed", extra={"job": job.id})
            lost = Result.RETRY if settings.target.idempotent else Result.UNKNOWN
            return Outcome(lost, "internal error; see the log")

    async def _settle(self, job: Job, outcome: Outcome, retry: Retry) -> None:
        if outcome.result is Result.RETRY and job.attempts <= retry.times:
            seconds = max(delay(job.attempts, retry, random.random()), min(outcome.retry_after, _LONGEST_ASKED))
            due = self._clock.wall() + seconds
            await self._write(job, State.PENDING, decision="retry", reason=outcome.reason, due=due)
        elif outcome.result is Result.RETRY:
            reason = f"gave up after {job.attempts} attempts; the last one: {outcome.reason}"
            await self._write(job, State.FAILED, reason=reason)
        else:
            state = State(outcome.result.value)
            await self._write(job, state, reason=outcome.reason, run_id=outcome.run_id)

    async def _write(
        self, job: Job, state: State, *, once: bool = False, decision: str = "", **values: str | int | float
    ) -> Job | None:
        """Write a change of a job down; with ``once`` None if the disk fails, otherwise until it does not."""

        def write() -> Job | None:
            changed = self._store.change(job, state, self._clock.wall(), **values)
            if changed is not None:
                self._audit.job(decision or state.value, changed)
            return changed

        while True:
            try:
                changed = await self._in_store(write)
            except sqlite3.Error as error:
                self._failed("job not written", error)
                if once:
                    return None
                await asyncio.sleep(_REWRITE_SECONDS)
                continue
            if changed is not None:
                level = logging.WARNING if state in (State.FAILED, State.UNKNOWN) else logging.INFO
                log.log(
                    level,
                    "job changed",
                    extra={"job": job.id, "model": job.model, "state": state.value, "reason": changed.reason},
                )
            return changed

    def _failed(self, what: str, error: sqlite3.Error) -> None:
        self._metrics.state_failures += 1
        log.error(what, extra={"error": str(error)})


def delay(attempts: int, retry: Retry, chance: float) -> float:
    """Return seconds to wait after ``attempts``: doubled each time, bounded, and between half and all of that.

    >>> [delay(number, Retry(5, 10.0, 60.0), 1.0) for number in (1, 2, 3, 4)], delay(1, Retry(5, 10.0, 60.0), 0.0)
    ([10.0, 20.0, 40.0, 60.0], 5.0)
    """
    return min(retry.first * 2.0 ** (attempts - 1), retry.longest) * (0.5 + 0.5 * chance)


async def _in_thread(function: Callable[[], T], name: str) -> T:
    """Return what a function returns in a thread of its own, for which the end of the process does not wait."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T) -> None:
        if not future.done():
            future.set_result(result)

    def work() -> None:
        result = function()
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=work, name=name, daemon=True).start()
    return await future
