"""What each path of the sidecar answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from ml_exporter.core.errors import ExporterError
from ml_exporter.core.text import printable
from ml_exporter.web import openapi
from ml_exporter.web.gate import SMALL, Authenticator, Handler, PathGate, Reloading, healthy, metrics_page, reads
from ml_exporter.web.intake import IntakePaths
from ml_exporter.web.messages import HTML, JSON, Request, Response, problem
from ml_exporter.web.pipelines import PipelinePaths, shown

_MODELS: Final = "/models/"
_FRESH: Final = (("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"))
"""Headers of a page for people: it is of this moment, and for those alone who may see it."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the paths need from the rest of the program.

    ``metrics`` takes the Accept and Accept-Encoding headers and returns body, content type and content encoding.
    ``landing`` returns a page; ``model`` takes a name and the version and window asked for, and returns status and
    page; ``report`` takes a name, None for all, and returns None if there is no such model. ``reload`` takes
    the name of the user that asks and returns once the new configuration is in use, or raises ConfigError.
    """

    metrics: Callable[[str, str], tuple[bytes, str, str]]
    ready: Callable[[], bool]
    landing: Callable[[], bytes]
    model: Callable[[str, str | None, str | None], tuple[int, bytes]]
    report: Callable[[str | None], Awaitable[bytes | None]]
    reload: Callable[[str | None], Awaitable[None]]
    counted: Callable[[str, int], None]
    refused: Callable[[str], None]


class Application(PathGate):
    """The paths of the sidecar."""

    def __init__(
        self,
        intake: IntakePaths,
        pipelines: PipelinePaths,
        hooks: Hooks,
        auth: Authenticator | None,
        metrics_path: str,
    ) -> None:
        self._hooks = hooks
        self._intake = intake
        self._pipelines = pipelines
        self._metrics_path = metrics_path
        reload = Reloading(hooks.reload, self.user)
        paths: dict[str, dict[str, Handler]] = {
            "/v1/predictions": {"POST": intake.predictions},
            "/v1/labels": {"POST": intake.labels},
            "/v1/feedback": {"POST": intake.feedback},
            "/": reads(self._landing),
            "/report": reads(self._report),
            "/-/healthy": reads(healthy),
            "/-/ready": reads(self._ready),
            "/-/reload": {"POST": reload, "PUT": reload},
            openapi.PATH: reads(self._openapi),
        }
        if metrics_path in paths or metrics_path.startswith(_MODELS):
            raise ExporterError(f"--web.telemetry-path: {metrics_path} is taken; choose another")
        paths[metrics_path] = reads(metrics_page(hooks.metrics))
        self.listing = f"/ and {metrics_path}"
        self._model_methods = reads(self._model)
        super().__init__(paths, auth, self._count, hooks.refused)

    def methods(self, path: str) -> Mapping[str, Handler] | None:
        """Return the handlers of a path, None if there is no such path."""
        if path.startswith(_MODELS):
            return self._model_methods
        return super().methods(path) or self._pipelines.methods(path)

    def limit(self, path: str) -> int:
        """Return the largest body of a path."""
        return self._intake.limit if path in ("/v1/predictions", "/v1/labels", "/v1/feedback") else SMALL

    def _count(self, path: str, status: int) -> None:
        """Count an answer; paths that differ in the name of a model, or of a pipeline, count as one."""
        self._hooks.counted(f"{_MODELS}NAME" if path.startswith(_MODELS) else shown(path), status)

    def _landing(self, request: Request) -> Response:
        return Response(200, self._hooks.landing(), HTML, _FRESH)

    def _model(self, request: Request) -> Response:
        name, version, window = request.path[len(_MODELS) :], *map(request.parameter, ("version", "window"))
        status, body = self._hooks.model(name, version, window)
        return Response(status, body, HTML, _FRESH)

    async def _report(self, request: Request) -> Response:
        body = await self._hooks.report(request.parameter("model"))
        if body is None:
            return problem(404, f'there is no model "{printable(request.parameter("model") or "")}"; see /')
        return Response(200, body, HTML, _FRESH)

    @cached_property
    def _described(self) -> bytes:
        return openapi.document(self._metrics_path)

    def _openapi(self, request: Request) -> Response:
        return Response(200, self._described, JSON)

    def _ready(self, request: Request) -> Response:
        if self._hooks.ready():
            return Response(200, b"Ready.\n")
        return problem(503, "earlier state is being restored")
