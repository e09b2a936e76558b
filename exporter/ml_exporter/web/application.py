"""What each path answers, and who may ask."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from ml_exporter.core.errors import ConfigError, ExporterError
from ml_exporter.web.auth import BasicAuth
from ml_exporter.web.intake import IntakePaths
from ml_exporter.web.landing import Standing, landing_page
from ml_exporter.web.messages import HTML, Request, Response, json_response, problem

log = logging.getLogger(__name__)

Handler = Callable[[Request], Response | Awaitable[Response]]
_SMALL: Final = 64 * 1024
_RETRY: Final = (("Retry-After", "1"),)
_CHALLENGE: Final = (("WWW-Authenticate", 'Basic realm="ml-exporter", charset="UTF-8"'),)


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the paths need from the rest of the program.

    ``metrics`` takes the Accept and Accept-Encoding headers and returns body, content type and content
    encoding; ``reload`` returns once the new configuration is in use, or raises ConfigError.
    """

    metrics: Callable[[str, str], tuple[bytes, str, str]]
    ready: Callable[[], bool]
    standing: Callable[[], Standing]
    reload: Callable[[], Awaitable[None]]
    counted: Callable[[str, int], None]
    refused: Callable[[str], None]


class Application:
    """The gate of all connections: admits, bounds, and answers."""

    def __init__(self, intake: IntakePaths, hooks: Hooks, auth: BasicAuth | None, metrics_path: str) -> None:
        self._hooks = hooks
        self._auth = auth
        self._intake = intake
        self._metrics_path = metrics_path
        self._reloads: set[asyncio.Task[Response]] = set()
        self._paths: dict[str, dict[str, Handler]] = {
            "/v1/predictions": {"POST": intake.predictions},
            "/v1/labels": {"POST": intake.labels},
            "/": {"GET": self._landing, "HEAD": self._landing},
            "/-/healthy": {"GET": _healthy, "HEAD": _healthy},
            "/-/ready": {"GET": self._ready, "HEAD": self._ready},
            "/-/reload": {"POST": self._reload, "PUT": self._reload},
        }
        if metrics_path in self._paths:
            raise ExporterError(f"--web.telemetry-path: {metrics_path} is taken; choose another")
        self._paths[metrics_path] = {"GET": self._metrics, "HEAD": self._metrics}

    def replace_users(self, auth: BasicAuth | None) -> None:
        """Check credentials against other users from now on."""
        if self._auth is not None:
            self._auth.close()
        self._auth = auth

    def admit(self, request: Request) -> Response | Awaitable[Response | None] | None:
        """Refuse unknown paths, other methods and wrong credentials before the body is read."""
        if self._auth is not None:
            right = self._auth.check(request.header(b"authorization"))
            if right is None:
                self._hooks.refused("logins")
                return problem(503, "too many logins are being checked; try again", _RETRY, close=True)
            if not isinstance(right, bool):
                return self._admit_later(request, right)
            if not right:
                return self._unauthorized()
        return self._find(request)

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Return the response to a request that was admitted."""
        assert request.handler is not None
        answer = request.handler(request)
        if isinstance(answer, Response):
            self._hooks.counted(request.path, answer.status)
            return answer
        return self._counted_later(request, answer)

    async def _counted_later(self, request: Request, answer: Awaitable[Response]) -> Response:
        response = await answer
        self._hooks.counted(request.path, response.status)
        return response

    async def _admit_later(self, request: Request, right: Awaitable[bool]) -> Response | None:
        return self._find(request) if await right else self._unauthorized()

    def _unauthorized(self) -> Response:
        self._hooks.refused("unauthorized")
        return problem(401, "credentials are missing or wrong", _CHALLENGE, close=True)

    def _find(self, request: Request) -> Response | None:
        methods = self._paths.get(request.path)
        if methods is None:
            return problem(404, f"there is nothing at this path; see / and {self._metrics_path}")
        request.handler = methods.get(request.method)
        if request.handler is None:
            allowed = ", ".join(methods)
            return problem(405, f"this path takes {allowed}", (("Allow", allowed),))
        request.limit = self._intake.limit if request.path[:4] == "/v1/" else _SMALL
        return None

    def _metrics(self, request: Request) -> Response:
        body, content_type, encoding = self._hooks.metrics(
            request.header(b"accept") or "", request.header(b"accept-encoding") or ""
        )
        vary = ("Vary", "Accept, Accept-Encoding")
        return Response(200, body, content_type, (("Content-Encoding", encoding), vary) if encoding else (vary,))

    def _landing(self, request: Request) -> Response:
        return Response(200, landing_page(self._hooks.standing(), self._metrics_path), HTML)

    def _ready(self, request: Request) -> Response:
        if self._hooks.ready():
            return Response(200, b"Ready.\n")
        return problem(503, "earlier state is being restored")

    async def _reload(self, request: Request) -> Response:
        """Reload; a client that goes away does not stop it half way."""
        reload = asyncio.get_running_loop().create_task(self._reload_to_the_end())
        self._reloads.add(reload)
        reload.add_done_callback(self._reloads.discard)
        return await asyncio.shield(reload)

    async def _reload_to_the_end(self) -> Response:
        try:
            await self._hooks.reload()
        except ConfigError as error:
            problems = [str(item) for item in error.problems]
            return problem(400, "the configuration is not usable; the old one stays in use", problems=problems)
        except ExporterError as error:
            return problem(400, f"the configuration is not usable; the old one stays in use: {error}")
        except Exception:
            log.exception("reload failed")
            return problem(500, "the configuration could not be reloaded; see the log")
        return json_response(200, {"status": "reloaded"})


def _healthy(request: Request) -> Response:
    return Response(200, b"Healthy.\n")
