"""All that the demo runs: a model server, the sidecar, Prometheus, Alertmanager, and a season that turns."""

from __future__ import annotations

import fcntl
import hashlib
import json
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import past
import requests
import viewer
import yaml
from processes import DemoError, Processes, check_port, find_tool
from receiver import Receiver, redirected
from rich.console import Console

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
STORY = ("MLFeatureDrift", "MLPerformanceDrop", "MLFeatureMissing")
BROKEN_FROM = "2013-04-08 00:00"
ONCE_MINUTES = 10

# The story plays an hour a second, so alerts look at five minutes, which hold twelve days of flights, from the
# first minute on.
COVERED = 'window_covered:threshold", expr: '
WINDOWS = {"window: 24h": "window: 5m", f"{COVERED}vector(0.8)": f"{COVERED}vector(0.2)"}

EXPORTER = [sys.executable, "-m", "ml_exporter"]

CONFIG = """\
models:
  - name: flights
    version: "2013-03"
    owner: operations
    task: binary_classification
    baseline: ../flights.json
    versions:
      "2013-08": {{baseline: ../flights-2013-08.json}}
    labels: {{horizon: 2d}}
  - name: delay
    version: "2013-03"
    owner: planning
    task: regression
    baseline: ../delay.json
    labels: {{horizon: 2d}}
windows: [5m, 1h]
state: {{directory: state}}
server:
  pid_file: server.pid
  health_url: "{server}/healthz"
  model_url: "{server}/models"
  model_field: /loaded
"""

RETRAIN = """\
state: {{file: retrain.sqlite}}
authorization: {{credentials_file: token}}
jobs:
  - model: flights
    alerts: [MLPerformanceDrop]
    target: {{kind: command, arguments: ["{python}", "{here}/learn.py", "{folder}"], timeout: 10m}}
    cooldown: 1h
"""

SEGMENTS = ("--segment", "origin", "--segment", "carrier")
CLASSIFIER = ["--task", "binary_classification", "--label", "late", "--score", "score", *SEGMENTS]
FIT = {
    "flights": CLASSIFIER,
    "flights-2013-08": CLASSIFIER,
    "delay": ["--task", "regression", "--label", "delay", "--prediction", "prediction", *SEGMENTS],
}


@dataclass
class Ports:
    """Where everything listens, all on loopback."""

    exporter: int
    server: int
    prometheus: int
    alertmanager: int
    receiver: int
    bridge: int
    grafana: int

    def check(self) -> None:
        """Raise DemoError if one is in use."""
        for name, port in vars(self).items():
            if name != "grafana" or viewer.find():
                check_port(port, name, f"{name.upper()}_PORT")

    def url(self, name: str) -> str:
        """Return the address of one of them."""
        return f"http://127.0.0.1:{getattr(self, name)}"


@dataclass
class Progress:
    """Where the story is, as the replay tells."""

    where: dict[str, Any] = field(default_factory=dict)

    def follow(self, lines: Iterator[str], file: Path) -> None:
        """Read the replay's lines in a thread until it ends, and keep the last one in ``file``."""

        def read() -> None:
            for line in lines:
                self.where = json.loads(line)
                written = file.with_suffix(".new")
                written.write_text(line)
                written.replace(file)

        threading.Thread(target=read, daemon=True).start()


class Story:
    """Everything that runs, from the data to the notification."""

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        speed: float,
        console: Console,
        rules: Path = ROOT / "prometheus/rules",
        routes: Path = ROOT / "alertmanager/alertmanager.yml",
    ) -> None:
        self._rules = rules
        self._routes = routes
        self._folder = folder.resolve()
        self._run = self._folder / "run"
        self._ports = ports
        self._speed = speed
        self._console = console
        self._processes = Processes(self._folder / "logs")
        self.receiver = Receiver(ports.receiver)
        self.has_grafana = viewer.find() is not None
        self.progress = Progress()
        self.began = time.monotonic()

    def claim(self) -> None:
        """Raise DemoError if another demo uses the folder; this one does from now on."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = open(self._folder / "lock", "w")  # noqa: SIM115 - held until the process ends
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoError(f"another demo runs in {self._folder}; end it, or run from another clone") from None

    @property
    def pace(self) -> str:
        """How much of the story passes in a second."""
        hours = self._speed / 3600
        return "one hour a second" if hours == 1 else f"{hours:.3g} hours a second"

    def prepare(self) -> None:
        """Train the model and fit its baseline, unless an earlier run has left them."""
        stamp = self._folder / "prepared"
        package = ROOT / "exporter/ml_exporter"
        sources = [HERE / "flights.py", Path(__file__)]
        for folder in ("baseline", "sums", "signals/drift"):
            sources += sorted((package / folder).glob("*.py"))
        wanted = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
        if stamp.exists() and stamp.read_text() == wanted:
            return
        with self._console.status("training the models on the flights of January to March, and of the summer"):
            code = "import sys, pathlib, flights; flights.prepare(pathlib.Path(sys.argv[1]))"
            self._do([sys.executable, "-c", code, str(self._folder)], cwd=HERE)
        with self._console.status("fitting their baselines on held-out flights of the same months"):
            for model, options in FIT.items():
                data, baseline = self._folder / f"{model}-validation.parquet", self._folder / f"{model}.json"
                self._do([*EXPORTER, "baseline", "fit", str(data), "--output", str(baseline), *options])
        stamp.write_text(wanted)

    def start(self) -> None:
        """Start everything, each once the one that it needs is ready."""
        shutil.rmtree(self._run, ignore_errors=True)
        self._run.mkdir(parents=True)
        ports, run = self._ports, self._run
        (run / "ml-exporter.yml").write_text(CONFIG.format(server=ports.url("server")))
        (run / "token").write_text(secrets.token_hex())
        (run / "token").chmod(0o600)
        self._configure_prometheus()
        with self._console.status("backfilling the flights of January to March"):
            past.write_events(self._folder, run, self._speed, time.time())
            past.backfill(run, f"127.0.0.1:{ports.exporter}", self._rule_files)
        self.receiver.start()
        exporter = [*EXPORTER, "serve", "--config.file", str(run / "ml-exporter.yml")]
        self._processes.start("ml-exporter", [*exporter, f"--web.listen-address=127.0.0.1:{ports.exporter}"])
        self._wait(f"{ports.url('exporter')}/-/ready")
        uvicorn = [
            sys.executable,
            "-m",
            "uvicorn",
            "server:app",
            "--port",
            str(ports.server),
            "--log-level",
            "warning",
        ]
        environment = {
            "DEMO_FOLDER": str(self._folder),
            "ML_EXPORTER_URL": ports.url("exporter"),
            "PYTHONPATH": str(HERE),
            "OMP_NUM_THREADS": "1",
        }
        server = self._processes.start("model-server", uvicorn, environment)
        (run / "server.pid").write_text(str(server.pid))
        self._start_prometheus()
        self._start_bridge()
        self._start_alertmanager()
        self._wait(f"{ports.url('server')}/")
        self._wait(f"{ports.url('prometheus')}/-/ready")
        self._wait(f"{ports.url('alertmanager')}/-/ready")
        if self.has_grafana:
            urls = ports.url("prometheus"), ports.url("alertmanager")
            self._processes.start("grafana", *viewer.command(run / "grafana", ports.grafana, *urls))
            self._wait(f"{ports.url('grafana')}/api/health", 120)
        replay = [sys.executable, str(HERE / "replay.py"), str(self._folder), f"{ports.url('server')}/predict"]
        replay += [ports.url("exporter"), str(self._speed), BROKEN_FROM]
        lines = self._processes.start("replay", replay, piped=True).stdout
        assert lines is not None
        self.progress.follow(lines, run / "where.json")
        self.began = time.monotonic()

    def stop(self) -> None:
        """End everything."""
        self._processes.stop()
        if hasattr(self.receiver, "_server"):
            self.receiver.stop()

    def check(self) -> None:
        """Raise DemoError if something has ended."""
        self._processes.check()

    def alerts(self) -> list[dict[str, Any]]:
        """Return what Prometheus says of its alerts."""
        try:
            answer = requests.get(f"{self._ports.url('prometheus')}/api/v1/alerts", timeout=3).json()
        except requests.RequestException:
            return []
        alerts: list[dict[str, Any]] = answer["data"]["alerts"]
        return alerts

    def retraining(self) -> str:
        """Return the state of the newest retraining."""
        given = {"query": "ml_retrain_last_job_state == 1"}
        try:
            answer = requests.get(f"{self._ports.url('prometheus')}/api/v1/query", given, timeout=3).json()
        except requests.RequestException:
            return "-"
        return next((str(found["metric"]["state"]) for found in answer["data"]["result"]), "none yet")

    def delivered(self) -> set[str]:
        """Return the names of the story's alerts that have arrived."""
        return set(STORY) & {name for item in self.receiver.notifications for name in item.names}

    def missing(self) -> str:
        """Return in a sentence what has not arrived, and how far it has come."""
        states = {alert["labels"]["alertname"]: alert["state"] for alert in self.alerts()}
        waiting = [f"{name} ({states.get(name, 'not active')})" for name in STORY if name not in self.delivered()]
        where = self.progress.where
        counts = f"{where.get('flights', 0):,} flights, {where.get('labels', 0):,} labels"
        return (
            f"not delivered within {ONCE_MINUTES} minutes: {', '.join(waiting)};"
            f" the story is at {where.get('story', 'its start')}, {counts}"
        )

    def _configure_prometheus(self) -> None:
        ports, run = self._ports, self._run
        rules = [path for path in sorted(self._rules.glob("*.yml")) if path.name != "thresholds.yml"]
        self._rule_files = [run / "thresholds.yml", *rules]
        interval = f"{past.INTERVAL}s"
        config = {
            "global": {"scrape_interval": interval, "evaluation_interval": interval},
            "rule_files": [str(path) for path in self._rule_files],
            "alerting": {
                "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{ports.alertmanager}"]}]}]
            },
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}], **more}
                for job, port, more in (
                    ("ml-exporter", ports.exporter, {}),
                    ("ml-retrain", ports.bridge, {"authorization": {"credentials_file": str(run / "token")}}),
                    ("prometheus", ports.prometheus, {}),
                )
            ],
        }
        (run / "prometheus.yml").write_text(yaml.safe_dump(config))
        thresholds = (self._rules / "thresholds.yml").read_text()
        for shipped, quick in WINDOWS.items():
            thresholds = thresholds.replace(shipped, quick)
        thresholds = thresholds.replace("http://localhost:3000/d", f"{ports.url('grafana')}/d")
        (run / "thresholds.yml").write_text(thresholds)

    def _start_prometheus(self) -> None:
        ports, run = self._ports, self._run
        command = [find_tool("prometheus"), f"--config.file={run / 'prometheus.yml'}"]
        command += [
            f"--storage.tsdb.path={run / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{ports.prometheus}",
        ]
        self._processes.start("prometheus", [*command, "--log.level=warn"])

    def _start_bridge(self) -> None:
        run = self._run
        config = RETRAIN.format(python=sys.executable, here=HERE, folder=self._folder)
        (run / "retrain.yml").write_text(config)
        command = [*EXPORTER, "retrain", "--config.file", str(run / "retrain.yml")]
        self._processes.start("bridge", [*command, f"--web.listen-address=127.0.0.1:{self._ports.bridge}"])
        self._wait(f"{self._ports.url('bridge')}/-/ready")

    def _start_alertmanager(self) -> None:
        ports, run = self._ports, self._run
        templates = str(ROOT / "alertmanager/templates/*.tmpl")
        routes = yaml.safe_load(self._routes.read_text())
        config = redirected(routes, templates, ports.url("receiver"), ports.url("bridge"), str(run / "token"))
        (run / "alertmanager.yml").write_text(yaml.safe_dump(config))
        tool = find_tool("alertmanager", "prometheus-alertmanager")
        command = [tool, f"--config.file={run / 'alertmanager.yml'}", f"--storage.path={run / 'alertmanager'}"]
        command += [f"--web.listen-address=127.0.0.1:{ports.alertmanager}", "--cluster.listen-address="]
        self._processes.start("alertmanager", [*command, "--log.level=warn"])

    def _wait(self, url: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.check()
            try:
                if requests.get(url, timeout=2).status_code in (200, 404):
                    return
            except requests.RequestException:
                time.sleep(0.1)
        raise DemoError(f"{url} did not answer within {seconds:g} seconds; see {self._folder / 'logs'}")

    def _do(self, command: list[str], cwd: Path | None = None) -> None:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
        if done.returncode:
            raise DemoError(f"{' '.join(command[:4])} … failed:\n{done.stderr.strip()}")
