"""The running sidecar: everything put together, from start to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ml_exporter import __version__
from ml_exporter.app.engine import Engine
from ml_exporter.app.evaluation import Evaluator, close
from ml_exporter.app.metrics import SelfMetrics
from ml_exporter.app.prediction_log import PredictionLog, PredictionLogCounts
from ml_exporter.app.runtime import ModelRuntime, runtimes
from ml_exporter.app.site import Site
from ml_exporter.app.trail import HTTP, SIGNAL, Trail
from ml_exporter.config import web_file
from ml_exporter.config.load import Setup, load
from ml_exporter.config.settings import Settings
from ml_exporter.core.clock import Clock, SystemClock
from ml_exporter.core.errors import ConfigError, ExporterError, Problem
from ml_exporter.core.metrics import Block, Collector
from ml_exporter.core.settings import WebSettings
from ml_exporter.exposition.negotiation import format_for, wants_gzip
from ml_exporter.exposition.page import Page
from ml_exporter.ingest.intake import Intake
from ml_exporter.ingest.metrics import IntakeMetrics
from ml_exporter.ingest.protocols.protocol import Bounds
from ml_exporter.ingest.queue import IntakeQueue
from ml_exporter.ingest.reasons import TOO_LARGE
from ml_exporter.pages.landing import Standing
from ml_exporter.pages.snapshot import Snapshot
from ml_exporter.pages.words import moment
from ml_exporter.resources import READERS
from ml_exporter.resources.target import Target
from ml_exporter.state.directory import StateDirectory
from ml_exporter.web.application import Application, Hooks
from ml_exporter.web.auth import BasicAuth
from ml_exporter.web.connection import Shared
from ml_exporter.web.intake import IntakePaths
from ml_exporter.web.pipelines import Desk, PipelinePaths
from ml_exporter.web.server import Server, bind, is_loopback
from ml_exporter.web.tls import Tls

log = logging.getLogger(__name__)

STOP_SECONDS: Final = 10.0
REQUEST_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What the command line says."""

    config_file: Path
    addresses: tuple[str, ...] = ("127.0.0.1:19100",)
    metrics_path: str = "/metrics"
    web_config_file: Path | None = None
    open_intake: bool = False


class Sidecar:
    """One sidecar process. :meth:`run` returns the exit code."""

    def __init__(self, options: ServeOptions, clock: Clock | None = None) -> None:
        self._options = options
        self._clock = clock or SystemClock()
        setup = self._setup = load(options.config_file)
        self._settings = setup.settings
        web = self._web = _web_settings(options)
        _check_exposure(options, web)
        self._trail = Trail(self._clock.wall)
        self._trail.check(self._settings.audit_log)
        self._trail.use(self._settings.audit_log)
        self._tls_settings = web.tls
        self._tls = Tls(web.tls) if web.tls else None
        self._directory = (
            StateDirectory(self._settings.state_directory) if self._settings.state_directory else None
        )
        self._sockets: list[socket.socket] = []
        try:
            self._sockets += [bind(address) for address in options.addresses]
            self._build(runtimes(setup), web)
        except BaseException:
            self._release()
            raise

    def _build(self, models: dict[str, ModelRuntime], web: WebSettings) -> None:
        limits, options = self._settings.limits, self._options
        self._stop = asyncio.Event()
        self._stop_cause = "request"
        self._exit_code = 0
        self._queue = IntakeQueue(limits.queue_events, limits.queue_bytes)
        self._evaluator = Evaluator(readers=_readers(self._settings.server))
        self._engine = Engine(
            models,
            self._queue,
            self._directory,
            self._publish,
            self._clock,
            self._settings.interval,
            self._evaluator,
            self._engine_failed,
        )
        self._engine.pipelines.intervals = self._settings.pipelines
        self._self_metrics = SelfMetrics(
            self._engine.status, lambda: self._engine.models, self._trail, has_state=self._directory is not None
        )
        self._self_metrics.reloaded = self._clock.wall()
        self._prediction_log_counts = PredictionLogCounts()
        self._use_prediction_log(self._prediction_log(self._settings))
        self._reloading = asyncio.Lock()
        intake_metrics = self._intake_metrics = IntakeMetrics(self._queue)
        self._page = Page([intake_metrics, self._self_metrics])
        self._paths = IntakePaths(
            _intake(self._settings, models),
            self._queue,
            intake_metrics,
            limits.request_bytes,
            durable=self._directory is not None,
        )
        self._auth = BasicAuth(web.users) if web.users else None
        self._published: tuple[list[Block], list[Block]] = ([], [])
        site = Site(self._snapshot, self._standing)
        hooks = Hooks(
            metrics=self._metrics,
            ready=lambda: self._engine.status.ready,
            landing=site.landing,
            model=site.model,
            report=site.report,
            reload=lambda user: self.reload(HTTP, user),
            counted=self._count_request,
            refused=self._count_refusal,
        )
        pipelines = PipelinePaths(Desk(self._engine.report, self._engine.forget_pipeline, self._clock.wall))
        self._application = Application(self._paths, pipelines, hooks, self._auth, options.metrics_path)
        self._shared = Shared(self._application, on_refused=self._count_refusal)
        self._shared.replace(_headers(web), limits.connections)
        self._server = Server(self._shared, self._tls)

    def _release(self) -> None:
        for bound in self._sockets:
            bound.close()
        if self._directory is not None:
            self._directory.close()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The addresses that are listened on."""
        return [bound.getsockname()[:2] for bound in self._sockets]

    async def run(self) -> int:
        """Serve until a signal or a failure ends it; return the exit code."""
        loop = asyncio.get_running_loop()
        self._loop = loop
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop_signal, number)
        loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(self._reload_by_signal()))
        if self._engine.prediction_log is not None:
            self._engine.prediction_log.start()
        self._engine.start()
        await self._server.start(self._sockets)
        scheme = "https" if self._tls else "http"
        for host, port in self.addresses:
            where = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
            log.info("listening", extra={"address": where, "version": __version__})
        self._trail.started(self._setup, self._options.config_file)
        # What lives until the end need not be looked at by every garbage collection.
        gc.collect()
        gc.freeze()
        await self._stop.wait()
        return await self._shut_down()

    def stop(self, code: int = 0, cause: str = "request") -> None:
        """Ask the sidecar to end; callable in the event loop's thread."""
        self._exit_code = max(self._exit_code, code)
        self._stop_cause = cause
        self._stop.set()

    async def reload(self, trigger: str = HTTP, user: str | None = None) -> None:
        """Read the configuration again and go on with it; ConfigError leaves everything as it was.

        ``trigger`` and ``user`` say in the audit log what and who asked for it.
        """
        async with self._reloading:
            await self._reload(trigger, user)

    async def _reload(self, trigger: str, user: str | None) -> None:
        try:
            setup, web, models = await asyncio.to_thread(self._read_again)
            prediction_log = self._prediction_log(setup.settings)
        except Exception as error:
            self._self_metrics.reload_ok = False
            log.error("configuration not reloaded; the old one stays in use", extra={"error": str(error)})
            self._trail.refused(error, self._options.config_file, trigger, user)
            raise
        done = asyncio.Event()
        earlier_log = self._engine.prediction_log
        if prediction_log is not None and prediction_log is not earlier_log:
            prediction_log.start()
        watched, server = self._settings.server, setup.settings.server
        readers = None if server == watched else _readers(server)
        old: list[Collector] = []

        def swap() -> None:
            if readers is not None:
                watched.stopped.set()
                old.extend(self._evaluator.replace_readers(readers))
            self._engine.pipelines.configure(setup.settings.pipelines, self._clock.wall())
            self._engine.replace_models(models)
            self._use_prediction_log(prediction_log)
            self._engine.interval = setup.settings.interval
            self._loop.call_soon_threadsafe(done.set)

        self._paths.intake = _intake(setup.settings, models)
        self._paths.limit = setup.settings.limits.request_bytes
        self._queue.max_events = setup.settings.limits.queue_events
        self._queue.max_bytes = setup.settings.limits.queue_bytes
        self._application.replace_users(BasicAuth(web.users) if web.users else None)
        self._shared.replace(_headers(web), setup.settings.limits.connections)
        self._queue.put([self._engine.command(swap)])
        self._queue.wake.set()
        before, after = (self._setup, self._web), (setup, web)
        self._setup, self._web = setup, web
        self._settings = setup.settings if server != watched else replace(setup.settings, server=watched)
        await done.wait()
        await asyncio.to_thread(close, old)
        if earlier_log is not None and earlier_log is not prediction_log:
            await asyncio.to_thread(earlier_log.close, STOP_SECONDS)
        self._trail.reloaded(before, after, self._options.config_file, trigger, user)
        self._self_metrics.reload_ok = True
        self._self_metrics.reloaded = self._clock.wall()
        log.info("configuration reloaded", extra={"models": len(models)})

    def _read_again(self) -> tuple[Setup, WebSettings, dict[str, ModelRuntime]]:
        setup = load(self._options.config_file)
        if setup.settings.state_directory != self._settings.state_directory:
            problem = Problem("state.directory", "cannot change without a restart")
            raise ConfigError(str(self._options.config_file), [problem])
        web = _web_settings(self._options)
        if web.tls != self._tls_settings:
            problem = Problem("tls_server_config", "cannot change without a restart; renewed files are used")
            raise ConfigError(str(self._options.web_config_file), [problem])
        _check_exposure(self._options, web)
        self._trail.check(setup.settings.audit_log)
        return setup, web, runtimes(setup)

    def _prediction_log(self, settings: Settings) -> PredictionLog | None:
        """Return the log of a configuration, the one in use if it is like it; StateError if it is not writable."""
        if settings.prediction_log is None:
            return None
        key = settings.sensitive_key.reveal() if settings.sensitive_key else None
        made = PredictionLog(
            settings.prediction_log, key, settings.limits.queue_events, self._prediction_log_counts
        )
        if self._engine.prediction_log is not None and made.is_like(self._engine.prediction_log):
            return self._engine.prediction_log
        made.check()
        return made

    def _use_prediction_log(self, log: PredictionLog | None) -> None:
        self._engine.prediction_log = log
        self._self_metrics.prediction_log = self._prediction_log_counts if log is not None else None

    async def _reload_by_signal(self) -> None:
        try:
            await self.reload(SIGNAL)
        except ExporterError:
            return  # told in the log and by ml_exporter_config_last_reload_successful

    def _on_stop_signal(self, number: int) -> None:
        if self._stop.is_set():
            os._exit(130 if number == signal.SIGINT else 143)
        name = signal.Signals(number).name
        log.info("stopping", extra={"signal": name})
        self.stop(cause=name)

    def _engine_failed(self) -> None:
        self._loop.call_soon_threadsafe(self.stop, 1, "failure")

    async def _shut_down(self) -> int:
        code = await self._end()
        self._trail.stopped(code, self._stop_cause)
        return code

    async def _end(self) -> int:
        began = time.monotonic()
        self._settings.server.stopped.set()
        await self._server.stop(REQUEST_SECONDS)
        left = max(STOP_SECONDS - (time.monotonic() - began), 1.0)
        if not await asyncio.to_thread(self._engine.stop, left):
            log.error("counting did not end in time; what was not committed is lost")
            return 1
        if self._engine.prediction_log is not None:
            left = max(STOP_SECONDS - (time.monotonic() - began), 1.0)
            await asyncio.to_thread(self._engine.prediction_log.close, left)
        await asyncio.to_thread(self._evaluator.close)
        if self._auth is not None:
            self._auth.close()
        return self._exit_code

    def _publish(self, blocks: list[Block]) -> None:
        self._page.publish(blocks)
        self._published = (blocks, self._evaluator.for_pages)

    def _metrics(self, accept: str, accept_encoding: str) -> tuple[bytes, str, str]:
        format, gzip = format_for(accept), wants_gzip(accept_encoding)
        return self._page.render(format, gzip=gzip), format.value, "gzip" if gzip else ""

    def _count_request(self, path: str, status: int) -> None:
        self._self_metrics.requests[path, status] += 1

    def _count_refusal(self, reason: str) -> None:
        self._self_metrics.refused[reason] += 1
        if reason == TOO_LARGE:
            self._intake_metrics.lost[TOO_LARGE] += 1

    def _snapshot(self) -> Snapshot:
        """Return what was published last, with what is of now; called from the event loop."""
        blocks, for_pages = self._published
        return Snapshot([*blocks, *for_pages, *self._page.live()], self._clock.wall())

    def _standing(self) -> Standing:
        status = self._engine.status
        stale = self._clock.wall() - status.published > max(10 * self._settings.interval, 10.0)
        if not status.ready:
            state = "restoring earlier state"
        elif stale:
            state = f"counting stands since {moment(status.published)}"
        elif not status.commit_ok:
            state = "running; state cannot be written to disk"
        elif not self._self_metrics.reload_ok:
            state = "running with an earlier configuration: the last reload failed"
        else:
            state = "running"
        facts = [
            ("Configuration", f"{self._options.config_file}, {self._setup.digest}"),
            ("State directory", str(self._settings.state_directory or "none")),
            ("Windows", ", ".join(window.label for window in next(iter(self._engine.models.values())).windows)),
        ]
        return Standing(__version__, state, self._options.metrics_path, facts, list(self._engine.models))


def _intake(settings: Settings, models: dict[str, ModelRuntime]) -> Intake:
    bounds = Bounds(settings.limits.request_bytes, settings.limits.queue_events)
    return Intake({name: model.intake for name, model in models.items()}, bounds)


def _readers(target: Target) -> list[Collector]:
    return [reader for make in READERS if (reader := make(target)) is not None]


def _web_settings(options: ServeOptions) -> WebSettings:
    return web_file.load(options.web_config_file) if options.web_config_file else WebSettings()


def _check_exposure(options: ServeOptions, web: WebSettings) -> None:
    """Refuse to take events from the network without knowing from whom, unless told to."""
    guarded = web.users or (web.tls and web.tls.client_auth_type == "RequireAndVerifyClientCert")
    beyond = [address for address in options.addresses if not is_loopback(address)]
    if beyond and not guarded and not options.open_intake:
        raise ExporterError(
            f"{beyond[0]} can be reached from other machines, and anyone there could send events: set users or"
            " client certificates in --web.config.file, or allow it with --web.open-intake"
        )


def serve(options: ServeOptions) -> int:
    """Run a sidecar until it is told to end; return the exit code."""
    import uvloop

    async def main() -> int:
        return await Sidecar(options).run()

    return uvloop.run(main())


def _headers(web: WebSettings) -> dict[str, str]:
    return {"X-Content-Type-Options": "nosniff", **web.headers}
