"""Bridges in this process and as processes, what Alertmanager sends, and a server that stands for a target."""

from __future__ import annotations

import json
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ml_exporter.core.clock import Clock
from ml_exporter.retrain.bridge import Bridge, BridgeOptions
from support.guarded import PASSWORD, USERS, basic
from support.http import Running
from support.processes import Process, free_port

TOKEN = "sender-s3cret"
SENDER = {"Authorization": f"Bearer {TOKEN}"}
ALICE = basic("alice", PASSWORD)


def alert(**labels: str) -> dict[str, Any]:
    """Return a firing alert as Alertmanager sends it."""
    return {
        "status": "firing",
        "labels": {"alertname": "MLFeatureDrift", "model": "flights", "version": "1", **labels},
        "annotations": {"summary": "Drift."},
        "startsAt": "2026-11-21T09:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "abcdef0123456789",
    }


def notification(*alerts: dict[str, Any], group: str = '{}:{model="flights"}') -> dict[str, Any]:
    """Return a notification of version 4, with a field of later versions."""
    return {
        "version": "4",
        "groupKey": group,
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "retrain",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "alerts": list(alerts) or [alert()],
        "notification_reason": "first",
    }


def at(minute: int, **labels: str) -> dict[str, Any]:
    """Return an alert of its own: it began at another minute."""
    return {**alert(**labels), "startsAt": f"2026-11-21T09:{minute:02}:00Z"}


def write_retrain(folder: Path, target: str = "", job: str = "", more: str = "", model: str = "flights") -> Path:
    """Write a configuration with one job and the sender's token; return its path."""
    (folder / "token").write_text(TOKEN + "\n")
    target = target or f"{{kind: command, arguments: [sh, -c, 'echo $ML_RETRAIN_JOB >> {folder / 'runs'}']}}"
    config = folder / "retrain.yml"
    config.write_text(
        "state: {file: jobs.sqlite}\nauthorization: {credentials_file: token}\n"
        f"{more}\njobs:\n  - model: {model}\n    target: {target}\n"
        + "".join(f"    {line}\n" for line in job.splitlines())
    )
    return config


def write_users(folder: Path) -> Path:
    """Write a web configuration with the user alice; return its path."""
    (folder / "web.yml").write_text(USERS)
    return folder / "web.yml"


class RunningBridge(Running):
    """A bridge that runs in a thread of its own; requests show the sender's token unless told otherwise."""

    def _make(self) -> Any:
        options = dict(self._options)
        clock: Clock | None = options.pop("clock", None)
        return Bridge(BridgeOptions(self._config, ("127.0.0.1:0",), **options), clock)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        return super().request(method, path, body, {**SENDER, **(headers or {})}, context)

    def take(self, *alerts: dict[str, Any], group: str = "g") -> dict[str, Any]:
        """Post a notification that must be taken; return the answer."""
        status, answer = self.post("/v1/alerts", notification(*alerts, group=group))
        assert status == 200, answer
        return answer

    def jobs(self) -> list[dict[str, Any]]:
        """Return the last jobs, newest first."""
        status, _, body = self.request("GET", "/v1/jobs")
        assert status == 200, body
        jobs: list[dict[str, Any]] = json.loads(body)["jobs"]
        return jobs

    def until_job(self, state: str, number: int = 0, seconds: float = 10.0) -> dict[str, Any]:
        """Wait until a job, counted from the newest, is in a state; return it."""
        return until(lambda: self.jobs()[number : number + 1], lambda jobs: jobs[0]["state"] == state, seconds)[0]


@contextmanager
def bridging(config: Path, **options: Any) -> Iterator[RunningBridge]:
    """Run a bridge for the time of a block."""
    bridge = RunningBridge(config, **options)
    try:
        yield bridge
    finally:
        bridge.stop()


def until(ask: Callable[[], Any], good: Callable[[Any], bool], seconds: float = 10.0) -> Any:
    """Ask until the answer is good, and return it."""
    end = time.monotonic() + seconds
    found = None
    while time.monotonic() < end:
        found = ask()
        if found and good(found):
            return found
        time.sleep(0.02)
    raise AssertionError(f"still {found} after {seconds} seconds")


def audit(folder: Path) -> list[dict[str, Any]]:
    """Return the decisions in the audit log: what a line says of one, its action and its user."""
    path = folder / "jobs.audit.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [
        {**line["ml_exporter"]["retrain"], "decision": line["event.action"], "user": line.get("user.name", "")}
        for line in lines
        if "ml_exporter" in line
    ]


class BridgeProcess(Process):
    """``ml-exporter retrain`` as a process; requests show the sender's token."""

    def __init__(self, config: Path, *options: str, port: int | None = None) -> None:
        port = port or free_port()
        command = [sys.executable, "-m", "ml_exporter", "retrain", "--config.file", str(config)]
        command += [f"--web.listen-address=127.0.0.1:{port}", *options]
        super().__init__(command, port, "/-/ready", config.parent / f"bridge-{port}.log")

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        return super().request(method, path, body, **{**SENDER, **headers})

    def take(self, *alerts: dict[str, Any]) -> int:
        """Post a notification; return the status."""
        return self.request("POST", "/v1/alerts", json.dumps(notification(*alerts)).encode())[0]

    def jobs(self) -> list[dict[str, Any]]:
        """Return the last jobs, newest first."""
        jobs: list[dict[str, Any]] = json.loads(self.get("/v1/jobs")[1])["jobs"]
        return jobs

    def until_job(self, state: str, seconds: float = 15.0) -> dict[str, Any]:
        """Wait until the newest job is in a state; return it."""
        return until(self.jobs, lambda jobs: jobs[0]["state"] == state, seconds)[0]


@dataclass(frozen=True)
class Got:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    """What a server answers: status, document or bytes, headers; ``before`` is called first."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[BaseHTTPRequestHandler], None] = lambda handler: None


class TargetServer:
    """A server on loopback that keeps every request and answers by method and path; unknown paths are 404."""

    def __init__(self, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.got: list[Got] = []
        self.answers: dict[tuple[str, str], Answer | Callable[[Got], Answer]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                got = Got(self.command, self.path, headers, json.loads(content) if content else None)
                outer.got.append(got)
                found = outer.answers.get((self.command, self.path), Answer(404, {"detail": "no such path"}))
                answer = found(got) if callable(found) else found
                answer.before(self)
                body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                body = b"" if answer.body is None else body
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = answer  # noqa: N815

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                """Keep the tests quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.scheme = "https" if context else "http"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self._server.server_address[1]}"

    def paths(self) -> list[str]:
        """Return method and path of every request."""
        return [f"{got.method} {got.path}" for got in self.got]

    def close(self) -> None:
        """End; nobody listens any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextmanager
def target_server(context: ssl.SSLContext | None = None, port: int = 0) -> Iterator[TargetServer]:
    """Run a server for the time of a block."""
    server = TargetServer(context, port)
    try:
        yield server
    finally:
        server.close()
