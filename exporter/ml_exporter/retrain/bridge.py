"""The running bridge: everything put together, from start to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from ml_exporter import __version__
from ml_exporter.config import web_file
from ml_exporter.core.clock import Clock, SystemClock
from ml_exporter.core.errors import ConfigError, ExporterError, Problem, SecretError, StateError
from ml_exporter.core.settings import WebSettings
from ml_exporter.exposition.negotiation import format_for, wants_gzip
from ml_exporter.exposition.page import Page
from ml_exporter.retrain.audit import Audit
from ml_exporter.retrain.desk import Desk
from ml_exporter.retrain.dispatcher import Dispatcher
from ml_exporter.retrain.metrics import Metrics
from ml_exporter.retrain.paths import Parts, Paths
from ml_exporter.retrain.secrets import SecretFile
from ml_exporter.retrain.settings import Settings, load
from ml_exporter.retrain.store import Store
from ml_exporter.web.auth import BasicAuth, BearerAuth, EitherAuth
from ml_exporter.web.connection import Shared
from ml_exporter.web.gate import Authenticator
from ml_exporter.web.server import Server, bind
from ml_exporter.web.tls import Tls

log = logging.getLogger(__name__)

T = TypeVar("T")

STOP_SECONDS: Final = 8.0
REQUEST_SECONDS: Final = 3.0
CONNECTIONS: Final = 128


@dataclass(frozen=True, slots=True)
class BridgeOptions:
    """What the command line says."""

    config_file: Path
    addresses: tuple[str, ...] = ("127.0.0.1:19101",)
    web_config_file: Path | None = None


def read(options: BridgeOptions) -> tuple[Settings, WebSettings]:
    """Return what the configuration files say; ConfigError if one of them is wrong."""
    web = web_file.load(options.web_config_file) if options.web_config_file else WebSettings()
    return load(options.config_file, has_users=bool(web.users)), web


class Bridge:
    """One bridge process. :meth:`run` returns the exit code."""

    def __init__(self, options: BridgeOptions, clock: Clock | None = None) -> None:
        self._options = options
        self._clock = clock or SystemClock()
        self._settings, web = read(options)
        self._web_tls = web.tls
        tls = Tls(web.tls) if web.tls else None
        self._sockets: list[socket.socket] = []
        self._store = Store(self._settings.state)
        audit = self._audit = Audit(self._settings.audit, self._clock.wall)
        try:
            audit.open()
            self._sockets += [bind(address) for address in options.addresses]
        except BaseException:
            self._release()
            raise
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._stop = asyncio.Event()
        self._is_ready = False
        self._metrics = Metrics(lambda: self._store.summary, lambda: self._settings.jobs, lambda: audit.failures)
        self._metrics.reloaded = self._clock.wall()
        self._page = Page([self._metrics])
        self._dispatcher = Dispatcher(
            self._store, self._in_store, lambda: self._settings.jobs, audit, self._metrics, self._clock
        )
        parts = Parts(
            desk=Desk(self._store, audit, self._clock),
            store=self._store,
            in_store=self._in_store,
            jobs=lambda: self._settings.jobs,
            metrics=self._metrics,
            render=self._render,
            ready=lambda: self._is_ready,
            reload=self.reload,
            wake=self._dispatcher.wake.set,
        )
        self._paths = Paths(parts, _authenticator(self._settings, web))
        self._shared = Shared(self._paths, on_refused=self._paths.refuse)
        self._shared.replace(_headers(web), CONNECTIONS)
        self._server = Server(self._shared, tls)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The addresses that are listened on."""
        return [bound.getsockname()[:2] for bound in self._sockets]

    async def run(self) -> int:
        """Serve until a signal ends it; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop_signal, number)
        loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(self._reload_by_signal()))
        await self._server.start(self._sockets)
        try:
            await self._in_store(self._dispatcher.resume)
        except sqlite3.Error as error:
            raise StateError(f"state.file: {self._settings.state} cannot be used: {error}") from error
        dispatching = loop.create_task(self._dispatcher.run())
        dispatching.add_done_callback(lambda _: self._stop.set())
        self._is_ready = True
        for host, port in self.addresses:
            scheme = "https" if self._web_tls else "http"
            where = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
            log.info("listening", extra={"address": where, "version": __version__})
        self._audit.process("start", "success")
        await self._stop.wait()
        broken = dispatching.done()
        if broken and not dispatching.cancelled() and dispatching.exception():
            log.error("sending jobs ended", exc_info=dispatching.exception())
        dispatching.cancel()
        await self._server.stop(REQUEST_SECONDS)
        await self._dispatcher.stop(STOP_SECONDS)
        self._paths.replace_users(None)
        await self._in_store(self._store.close)
        self._thread.shutdown(wait=False)
        self._audit.process("end", "failure" if broken else "success")
        return 1 if broken else 0

    def stop(self) -> None:
        """Ask the bridge to end; callable in the event loop's thread."""
        self._stop.set()

    async def reload(self, user: str | None = None) -> None:
        """Read the configuration again and go on with it; ConfigError leaves everything as it was.

        ``user`` says in the audit log who asked for it; None is a signal, or a sender with a token.
        """
        try:
            settings, web = await asyncio.to_thread(self._read_again)
        except Exception as error:
            self._metrics.reload_ok = False
            log.error("configuration not reloaded; the old one stays in use", extra={"error": str(error)})
            self._audit.reload(user, str(error))
            raise
        self._settings = settings
        self._paths.replace_users(_authenticator(settings, web))
        self._shared.replace(_headers(web), CONNECTIONS)
        self._metrics.reload_ok = True
        self._metrics.reloaded = self._clock.wall()
        self._dispatcher.wake.set()
        self._audit.reload(user)
        log.info("configuration reloaded", extra={"jobs": len(settings.jobs)})

    def _read_again(self) -> tuple[Settings, WebSettings]:
        settings, web = read(self._options)
        for key, new, old in (
            ("state.file", settings.state, self._settings.state),
            ("audit.file", settings.audit, self._settings.audit),
        ):
            if new != old:
                problem = Problem(key, "cannot change without a restart")
                raise ConfigError(str(self._options.config_file), [problem])
        if web.tls != self._web_tls:
            problem = Problem("tls_server_config", "cannot change without a restart; renewed files are used")
            raise ConfigError(str(self._options.web_config_file), [problem])
        return settings, web

    async def _reload_by_signal(self) -> None:
        try:
            await self.reload()
        except ExporterError:
            return  # told in the log and by ml_retrain_config_last_reload_successful

    def _on_stop_signal(self, number: int) -> None:
        if self._stop.is_set():
            os._exit(130 if number == signal.SIGINT else 143)
        log.info("stopping", extra={"signal": signal.Signals(number).name})
        self.stop()

    async def _in_store(self, function: Callable[[], T], /) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def _render(self, accept: str, accept_encoding: str) -> tuple[bytes, str, str]:
        format, gzip = format_for(accept), wants_gzip(accept_encoding)
        return self._page.render(format, gzip=gzip), format.value, "gzip" if gzip else ""

    def _release(self) -> None:
        for bound in self._sockets:
            bound.close()
        self._store.close()


def _authenticator(settings: Settings, web: WebSettings) -> Authenticator:
    users = BasicAuth(web.users) if web.users else None
    if settings.token is None:
        assert users is not None
        return users
    token = BearerAuth(_token(settings.token))
    return EitherAuth(token, users) if users else token


def _token(file: SecretFile) -> Callable[[], bytes | None]:
    def read() -> bytes | None:
        try:
            return file.read().encode()
        except SecretError as error:
            log.error("the token of the sender cannot be read", extra={"error": str(error)})
            return None

    return read


def _headers(web: WebSettings) -> dict[str, str]:
    return {"X-Content-Type-Options": "nosniff", **web.headers}


def serve(options: BridgeOptions) -> int:
    """Run a bridge until it is told to end; return the exit code."""
    import uvloop

    async def main() -> int:
        return await Bridge(options).run()

    return uvloop.run(main())
