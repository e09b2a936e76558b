"""What each path of the sidecar answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from ml_exporter.core.errors import ExporterError
from ml_exporter.web.gate import SMALL, Authenticator, Handler, PathGate, Reloading, healthy, metrics_page, reads
from ml_exporter.web.intake import IntakePaths
from ml_exporter.web.landing import Standing, landing_page
from ml_exporter.web.messages import HTML, Request, Response, problem
from ml_exporter.web.pipelines import PipelinePaths, shown


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the paths need from the rest of the program.

    ``metrics`` takes the Accept and Accept-Encoding headers and returns body, content type and content
    encoding; ``reload`` takes the name of the user that asks and returns once the new configuration is in use, or
    raises ConfigError.
    """

    metrics: Callable[[str, str], tuple[bytes, str, str]]
    ready: Callable[[], bool]
    standing: Callable[[], Standing]
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
            "/": reads(self._landing),
            "/-/healthy": reads(healthy),
            "/-/ready": reads(self._ready),
            "/-/reload": {"POST": reload, "PUT": reload},
        }
        if metrics_path in paths:
            raise ExporterError(f"--web.telemetry-path: {metrics_path} is taken; choose another")
        paths[metrics_path] = reads(metrics_page(hooks.metrics))
        self.listing = f"/ and {metrics_path}"
        super().__init__(paths, auth, lambda path, status: hooks.counted(shown(path), status), hooks.refused)

    def methods(self, path: str) -> Mapping[str, Handler] | None:
        """Return the handlers of a path, None if there is no such path."""
        return super().methods(path) or self._pipelines.methods(path)

    def limit(self, path: str) -> int:
        """Return the largest body of a path."""
        return self._intake.limit if path in ("/v1/predictions", "/v1/labels") else SMALL

    def _landing(self, request: Request) -> Response:
        return Response(200, landing_page(self._hooks.standing(), self._metrics_path), HTML)

    def _ready(self, request: Request) -> Response:
        if self._hooks.ready():
            return Response(200, b"Ready.\n")
        return problem(503, "earlier state is being restored")
