"""Who may ask for which path: what every server of this project puts before its own answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from ml_exporter.core.errors import ConfigError, ExporterError
from ml_exporter.web.auth import user_of
from ml_exporter.web.messages import Request, Response, json_response, problem

log = logging.getLogger(__name__)

Handler = Callable[[Request], Response | Awaitable[Response]]
Render = Callable[[str, str], tuple[bytes, str, str]]

SMALL: Final = 64 * 1024
"""Largest body of a path that needs none (chosen)."""

_RETRY: Final = (("Retry-After", "1"),)


class Authenticator(Protocol):
    """Checks the Authorization header of every request."""

    @property
    def challenge(self) -> tuple[tuple[str, str], ...]:
        """The header that asks for credentials."""

    def check(self, header: str | None) -> bool | Awaitable[bool] | None:
        """Return whether the header is right, at once where that is known; None if that cannot be told now."""

    def close(self) -> None:
        """Begin no further check."""


class PathGate:
    """The gate of all connections: admits those who may to the paths there are, bounds bodies, counts answers.

    ``paths`` holds the handlers by method of each path; those in ``unguarded`` are open to everybody, and
    ``listing`` are those that help who is lost. ``counted`` hears of the path and status of each answer,
    ``refused`` why a request was turned away.
    """

    unguarded: frozenset[str] = frozenset()
    listing = "/ and /metrics"

    def __init__(
        self,
        paths: Mapping[str, Mapping[str, Handler]],
        auth: Authenticator | None,
        counted: Callable[[str, int], None],
        refused: Callable[[str], None],
    ) -> None:
        self._paths = paths
        self._auth = auth
        self._counted = counted
        self._refused = refused

    def replace_users(self, auth: Authenticator | None) -> None:
        """Check credentials against other users from now on."""
        if self._auth is not None:
            self._auth.close()
        self._auth = auth

    def admit(self, request: Request) -> Response | Awaitable[Response | None] | None:
        """Refuse unknown paths, other methods and wrong credentials before the body is read."""
        if self._auth is not None and request.path not in self.unguarded:
            right = self._auth.check(request.header(b"authorization"))
            if right is None:
                self._refused("logins")
                return problem(503, "credentials cannot be checked now; try again", _RETRY, close=True)
            if not isinstance(right, bool):
                return self._admit_later(request, self._auth, right)
            if not right:
                return self._unauthorized(self._auth)
        return self._find(request)

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Return the response to a request that was admitted."""
        assert request.handler is not None
        answer = request.handler(request)
        if isinstance(answer, Response):
            self._counted(request.path, answer.status)
            return answer
        return self._counted_later(request, answer)

    def user(self, request: Request) -> str | None:
        """Return the user whose password was checked for this request, None if there was none."""
        return user_of(request.header(b"authorization")) if self._auth is not None else None

    def methods(self, path: str) -> Mapping[str, Handler] | None:
        """Return the handlers of a path, None if there is no such path."""
        return self._paths.get(path)

    def limit(self, path: str) -> int:
        """Return the largest body of a path."""
        return SMALL

    async def _counted_later(self, request: Request, answer: Awaitable[Response]) -> Response:
        response = await answer
        self._counted(request.path, response.status)
        return response

    async def _admit_later(self, request: Request, auth: Authenticator, right: Awaitable[bool]) -> Response | None:
        return self._find(request) if await right else self._unauthorized(auth)

    def _unauthorized(self, auth: Authenticator) -> Response:
        self._refused("unauthorized")
        return problem(401, "credentials are missing or wrong", auth.challenge, close=True)

    def _find(self, request: Request) -> Response | None:
        methods = self.methods(request.path)
        if methods is None:
            return problem(404, f"there is nothing at this path; see {self.listing}")
        request.handler = methods.get(request.method)
        if request.handler is None:
            allowed = ", ".join(methods)
            return problem(405, f"this path takes {allowed}", (("Allow", allowed),))
        request.limit = self.limit(request.path)
        return None


class Reloading:
    """The path that reads the configuration again.

    ``reload`` takes the name of the user that asks, which ``user`` finds in the request, and raises ConfigError if
    the configuration cannot be used.
    """

    def __init__(
        self, reload: Callable[[str | None], Awaitable[None]], user: Callable[[Request], str | None]
    ) -> None:
        self._reload = reload
        self._user = user
        self._tasks: set[asyncio.Task[Response]] = set()

    async def __call__(self, request: Request) -> Response:
        """Reload; a client that goes away does not stop it half way."""
        task = asyncio.get_running_loop().create_task(self._to_the_end(self._user(request)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _to_the_end(self, user: str | None) -> Response:
        try:
            await self._reload(user)
        except ConfigError as error:
            problems = [str(item) for item in error.problems]
            return problem(400, "the configuration is not usable; the old one stays in use", problems=problems)
        except ExporterError as error:
            return problem(400, f"the configuration is not usable; the old one stays in use: {error}")
        except Exception:
            log.exception("reload failed")
            return problem(500, "the configuration could not be reloaded; see the log")
        return json_response(200, {"status": "reloaded"})


def healthy(request: Request) -> Response:
    """Answer that the process runs."""
    return Response(200, b"Healthy.\n")


def metrics_page(render: Render) -> Handler:
    """Return the handler of the page; ``render`` takes the Accept and Accept-Encoding headers.

    It returns body, content type and content encoding.
    """

    def answer(request: Request) -> Response:
        body, content_type, encoding = render(
            request.header(b"accept") or "", request.header(b"accept-encoding") or ""
        )
        vary = ("Vary", "Accept, Accept-Encoding")
        return Response(200, body, content_type, (("Content-Encoding", encoding), vary) if encoding else (vary,))

    return answer


def reads(handler: Handler) -> dict[str, Handler]:
    """Return the methods of a path that is only read."""
    return {"GET": handler, "HEAD": handler}
