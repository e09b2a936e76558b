"""The paths of pipelines: ``POST /v1/pipelines/NAME/runs`` and ``DELETE /v1/pipelines/NAME``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ml_exporter.core.errors import PayloadError
from ml_exporter.core.pipelines import NAME, Report
from ml_exporter.ingest.pipeline_report import read
from ml_exporter.ingest.reasons import SHUTDOWN, TOO_LARGE, UNSUPPORTED
from ml_exporter.web.body import content_of
from ml_exporter.web.gate import SMALL, Handler
from ml_exporter.web.messages import Request, Response, json_response, problem

_PATH: Final = re.compile(rf"/v1/pipelines/({NAME})(/runs)?")
_SECONDS: Final = 25.0
_STATUS: Final = {TOO_LARGE: 413, UNSUPPORTED: 415}
_RETRY: Final = (("Retry-After", "1"),)

Told = Callable[[bool], None]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the paths need from the rest of the program.

    ``report`` and ``forget`` hand on to the writer and return False if it counts no more; what they are given last
    hears in its thread whether the change is on disk. The other one of ``forget`` hears before what became of it:
    False if there is no such pipeline, None if it is configured.
    """

    report: Callable[[Report, Told], bool]
    forget: Callable[[str, Callable[[bool | None], None], Told], bool]
    wall: Callable[[], float]


class PipelinePaths:
    """Answers for reports about runs, each once it is known whether it is on disk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._paths: dict[str | None, dict[str, Handler]] = {
            "/runs": {"POST": self._run},
            None: {"DELETE": self._delete},
        }

    def methods(self, path: str) -> Mapping[str, Handler] | None:
        """Return the handlers of a path, None if it is none of a pipeline."""
        match = _PATH.fullmatch(path)
        return self._paths[match[2]] if match else None

    async def _run(self, request: Request) -> Response:
        try:
            kind = (request.header(b"content-type") or "application/json").partition(";")[0].strip().lower()
            if kind != "application/json":
                raise PayloadError(UNSUPPORTED, f'Content-Type "{kind}" is not understood; send application/json')
            body = content_of(request.body, request.header(b"content-encoding") or "", SMALL)
            report = read(_name(request), body, self._desk.wall())
        except PayloadError as error:
            return problem(_STATUS.get(error.reason, 400), error.what, reason=error.reason)
        return await self._written(lambda told: self._desk.report(report, told), "recorded")

    async def _delete(self, request: Request) -> Response:
        name, found = _name(request), list[bool | None]()
        answer = await self._written(lambda told: self._desk.forget(name, found.append, told), "forgotten")
        if found == [False]:
            return problem(404, f"no run of {name} has been reported")
        if found == [None]:
            return problem(409, f"{name} is in the configuration; take it out there and reload")
        return answer

    async def _written(self, hand_on: Callable[[Told], bool], status: str) -> Response:
        loop = asyncio.get_running_loop()
        written: asyncio.Future[bool] = loop.create_future()

        def tell(committed: bool) -> None:
            if not written.done():
                written.set_result(committed)

        if not hand_on(lambda committed: _call(loop, tell, committed)):
            return problem(503, "this exporter is shutting down", _RETRY, reason=SHUTDOWN)
        try:
            committed = await asyncio.wait_for(written, _SECONDS)
        except TimeoutError:
            committed = False
        if not committed:
            return problem(503, "this is not on disk yet; to send it again does no harm", _RETRY)
        return json_response(200, {"status": status})


def shown(path: str) -> str:
    """Return a path as it is counted, without the name in it."""
    match = _PATH.fullmatch(path)
    return f"/v1/pipelines/NAME{match[2] or ''}" if match else path


def _call(loop: asyncio.AbstractEventLoop, tell: Told, committed: bool) -> None:
    loop.call_soon_threadsafe(tell, committed)


def _name(request: Request) -> str:
    match = _PATH.fullmatch(request.path)
    assert match is not None
    return match[1]
