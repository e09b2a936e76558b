"""What each path of the bridge answers."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ml_exporter.core.ecs import moment
from ml_exporter.core.errors import PayloadError
from ml_exporter.retrain.desk import Desk
from ml_exporter.retrain.dispatcher import InStore
from ml_exporter.retrain.jobs import Job, State
from ml_exporter.retrain.metrics import STATE_FAILED, TAKEN, TOO_LARGE, Metrics
from ml_exporter.retrain.notification import read
from ml_exporter.retrain.page import jobs_page
from ml_exporter.retrain.settings import JobSettings
from ml_exporter.retrain.store import Store
from ml_exporter.web.auth import user_of
from ml_exporter.web.gate import (
    SMALL,
    Authenticator,
    Handler,
    PathGate,
    Reloading,
    Render,
    healthy,
    metrics_page,
    reads,
)
from ml_exporter.web.messages import HTML, Request, Response, json_response, problem

NOTIFICATION_BYTES: Final = 4 << 20
"""Largest notification (chosen: some thousand alerts)."""

_ALERTS: Final = "/v1/alerts"
_JOB: Final = re.compile(r"/v1/jobs/([0-9a-f]{16})(/approve|/reject)?")
_SHOWN: Final = 100
_RETRY: Final = (("Retry-After", "5"),)
_STYLE_ONLY: Final = (("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),)


@dataclass(frozen=True)
class Parts:
    """What the paths need from the rest of the bridge; ``wake`` tells that there may be something to send."""

    desk: Desk
    store: Store
    in_store: InStore
    jobs: Callable[[], Mapping[str, JobSettings]]
    metrics: Metrics
    render: Render
    ready: Callable[[], bool]
    reload: Callable[[str | None], Awaitable[None]]
    wake: Callable[[], None]


class Paths(PathGate):
    """The paths of the bridge; all but two need credentials."""

    unguarded = frozenset({"/-/healthy", "/-/ready"})

    def __init__(self, parts: Parts, auth: Authenticator) -> None:
        self._parts = parts
        reload = Reloading(parts.reload, self.user)
        paths: dict[str, dict[str, Handler]] = {
            _ALERTS: {"POST": self._alerts},
            "/v1/jobs": reads(self._list),
            "/": reads(self._page),
            "/metrics": reads(metrics_page(parts.render)),
            "/-/healthy": reads(healthy),
            "/-/ready": reads(self._ready),
            "/-/reload": {"POST": reload, "PUT": reload},
        }
        super().__init__(paths, auth, self._count, self.refuse)
        self._job_paths: dict[str | None, dict[str, Handler]] = {
            None: reads(self._show),
            "/approve": {"POST": self._approve},
            "/reject": {"POST": self._reject},
        }

    def admit(self, request: Request) -> Response | Awaitable[Response | None] | None:
        """Refuse what a page in a browser sends, too: it could be anybody's, and the browser adds the password."""
        if request.method == "POST" and request.header(b"origin") is not None:
            return problem(403, "not from a page in a browser, which could be anybody's", close=True)
        return super().admit(request)

    def methods(self, path: str) -> Mapping[str, Handler] | None:
        """Return the handlers of a path, None if there is no such path."""
        match = _JOB.fullmatch(path)
        return self._job_paths[match[2]] if match else super().methods(path)

    def limit(self, path: str) -> int:
        """Return the largest body of a path."""
        return NOTIFICATION_BYTES if path == _ALERTS else SMALL

    def refuse(self, reason: str) -> None:
        """Count what the server refused before it came here."""
        self._parts.metrics.refused[reason] += 1
        if reason == TOO_LARGE:
            self._parts.metrics.notifications[TOO_LARGE] += 1

    def _count(self, path: str, status: int) -> None:
        match = _JOB.fullmatch(path)
        name = f"/v1/jobs/ID{match[2] or ''}" if match else path
        self._parts.metrics.requests[name, status] += 1

    async def _alerts(self, request: Request) -> Response:
        parts, jobs = self._parts, self._parts.jobs()
        try:
            receipt = await parts.in_store(lambda: parts.desk.take(read(request.body, jobs), jobs))
        except PayloadError as error:
            parts.metrics.notifications[error.reason] += 1
            return problem(400, error.what)
        except sqlite3.Error as error:
            parts.metrics.notifications[STATE_FAILED] += 1
            return self._state_failed(error)
        parts.metrics.notifications[TAKEN] += 1
        parts.metrics.alerts.update(receipt.fates)
        if receipt.jobs:
            parts.wake()
        fates = {fate.value: count for fate, count in receipt.fates.items()}
        return json_response(200, {"jobs": list(receipt.jobs), "alerts": fates})

    async def _list(self, request: Request) -> Response:
        return await self._told(
            lambda: self._parts.store.latest(_SHOWN),
            lambda jobs: json_response(200, {"jobs": [job.document() for job in jobs]}),
        )

    async def _page(self, request: Request) -> Response:
        return await self._told(
            lambda: self._parts.store.latest(_SHOWN),
            lambda jobs: Response(200, jobs_page(jobs), HTML, _STYLE_ONLY),
        )

    async def _show(self, request: Request) -> Response:
        id = _id(request)
        return await self._told(
            lambda: self._parts.store.job(id),
            lambda job: json_response(200, job.document()) if job else _no_job(id),
        )

    async def _told(self, ask: Callable[[], Any], tell: Callable[[Any], Response]) -> Response:
        try:
            return tell(await self._parts.in_store(ask))
        except sqlite3.Error as error:
            return self._state_failed(error)

    async def _approve(self, request: Request) -> Response:
        return await self._decide(request, approve=True)

    async def _reject(self, request: Request) -> Response:
        return await self._decide(request, approve=False)

    async def _decide(self, request: Request, *, approve: bool) -> Response:
        user = user_of(request.header(b"authorization"))
        if user is None:
            return problem(403, "the token names nobody; use a user of --web.config.file")
        parts, id = self._parts, _id(request)

        def decide() -> tuple[Job | None, Job | None]:
            return parts.desk.decide(id, user, approve=approve), parts.store.job(id)

        def tell(result: tuple[Job | None, Job | None]) -> Response:
            changed, job = result
            if changed is not None:
                parts.wake()
                return json_response(200, changed.document())
            if job is None:
                return _no_job(id)
            late = f" until {moment(job.due)}" if job.state is State.WAITING else ""
            return problem(409, f"job {id} does not wait for approval: it is {job.state.value}{late}")

        return await self._told(decide, tell)

    def _ready(self, request: Request) -> Response:
        if self._parts.ready():
            return Response(200, b"Ready.\n")
        return problem(503, "earlier jobs are being settled")

    def _state_failed(self, error: sqlite3.Error) -> Response:
        self._parts.metrics.state_failures += 1
        return problem(503, f"the state cannot be read or written: {error}", _RETRY)


def _id(request: Request) -> str:
    match = _JOB.fullmatch(request.path)
    assert match is not None
    return match[1]


def _no_job(id: str) -> Response:
    return problem(404, f"there is no job {id}; see /v1/jobs")
