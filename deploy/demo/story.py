"""The main job on real data: a model server, the sidecar, Prometheus, Alertmanager, and a season that turns.

Run it with ``make demo``; ``make demo ONCE=1`` ends by itself once the alerts of the story have arrived.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml
from processes import DemoError, Processes, check_port, find_tool
from receiver import Receiver, redirected
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
STORY = ("MLFeatureDrift", "MLPerformanceDrop", "MLFeatureMissing")
BROKEN_FROM = "2013-04-08 00:00"
ONCE_MINUTES = 10

# The story plays an hour a second, so alerts look at five minutes, which hold twelve days of flights, from the
# first minute on.
COVERED = 'window_covered:threshold", expr: '
WINDOWS = {"window: 24h": "window: 5m", f"{COVERED}vector(0.8)": f"{COVERED}vector(0.2)"}

CONFIG = """\
models:
  - name: flights
    version: "2013-03"
    owner: operations
    task: binary_classification
    baseline: ../baseline.json
    labels: {horizon: 2d}
windows: [5m, 1h]
state: {directory: state}
server: {pid_file: server.pid}
"""


@dataclass
class Ports:
    """Where everything listens, all on loopback."""

    exporter: int
    server: int
    prometheus: int
    alertmanager: int
    receiver: int

    def check(self) -> None:
        """Raise DemoError if one is in use."""
        for name, port in vars(self).items():
            check_port(port, name, f"{name.upper()}_PORT")

    def url(self, name: str) -> str:
        """Return the address of one of them."""
        return f"http://127.0.0.1:{getattr(self, name)}"


@dataclass
class Progress:
    """Where the story is, as the replay tells."""

    where: dict[str, Any] = field(default_factory=dict)

    def follow(self, lines: Iterator[str]) -> None:
        """Read the replay's lines in a thread until it ends."""

        def read() -> None:
            for line in lines:
                self.where = json.loads(line)

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
        self._folder = folder
        self._run = folder / "run"
        self._ports = ports
        self._speed = speed
        self._console = console
        self._processes = Processes(folder / "logs")
        self.receiver = Receiver(ports.receiver)
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
        sources = [HERE / "flights.py"]
        for folder in ("baseline", "sums", "signals/drift"):
            sources += sorted((package / folder).glob("*.py"))
        wanted = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
        if stamp.exists() and stamp.read_text() == wanted:
            return
        with self._console.status("training the model on the flights of January to March"):
            code = "import sys, pathlib, flights; flights.prepare(pathlib.Path(sys.argv[1]))"
            self._do([sys.executable, "-c", code, str(self._folder)], cwd=HERE)
        with self._console.status("fitting its baseline on a held-out part of the same months"):
            data, baseline = self._folder / "validation.parquet", self._folder / "baseline.json"
            command = [*EXPORTER, "baseline", "fit", str(data), "--output", str(baseline)]
            command += ["--task", "binary_classification", "--label", "late", "--score", "score"]
            self._do(command)
        stamp.write_text(wanted)

    def start(self) -> None:
        """Start everything, each once the one that it needs is ready."""
        shutil.rmtree(self._run, ignore_errors=True)
        self._run.mkdir(parents=True)
        ports, run = self._ports, self._run
        (run / "ml-exporter.yml").write_text(CONFIG)
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
        self._start_alertmanager()
        self._wait(f"{ports.url('server')}/")
        self._wait(f"{ports.url('prometheus')}/-/ready")
        self._wait(f"{ports.url('alertmanager')}/-/ready")
        replay = [sys.executable, str(HERE / "replay.py"), str(self._folder), f"{ports.url('server')}/predict"]
        replay += [ports.url("exporter"), str(self._speed), BROKEN_FROM]
        lines = self._processes.start("replay", replay, piped=True).stdout
        assert lines is not None
        self.progress.follow(lines)
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

    def _start_prometheus(self) -> None:
        ports, run = self._ports, self._run
        rules = [path for path in sorted(self._rules.glob("*.yml")) if path.name != "thresholds.yml"]
        config = {
            "global": {"scrape_interval": "5s", "evaluation_interval": "5s"},
            "rule_files": ["thresholds.yml", *(str(path) for path in rules)],
            "alerting": {
                "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{ports.alertmanager}"]}]}]
            },
            "scrape_configs": [
                {"job_name": "ml-exporter", "static_configs": [{"targets": [f"127.0.0.1:{ports.exporter}"]}]}
            ],
        }
        (run / "prometheus.yml").write_text(yaml.safe_dump(config))
        thresholds = (self._rules / "thresholds.yml").read_text()
        for shipped, quick in WINDOWS.items():
            thresholds = thresholds.replace(shipped, quick)
        (run / "thresholds.yml").write_text(thresholds)
        command = [find_tool("prometheus"), f"--config.file={run / 'prometheus.yml'}"]
        command += [
            f"--storage.tsdb.path={run / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{ports.prometheus}",
        ]
        self._processes.start("prometheus", [*command, "--log.level=warn"])

    def _start_alertmanager(self) -> None:
        ports, run = self._ports, self._run
        templates = str(ROOT / "alertmanager/templates/*.tmpl")
        config = redirected(yaml.safe_load(self._routes.read_text()), templates, ports.url("receiver"))
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


EXPORTER = [sys.executable, "-m", "ml_exporter"]


def picture(story: Story, ports: Ports) -> Group:
    """Return the summary that the terminal shows."""
    where = story.progress.where
    links = Table.grid(padding=(0, 2))
    links.add_row("sidecar", ports.url("exporter"), "state, and /metrics")
    links.add_row("Prometheus", f"{ports.url('prometheus')}/alerts", "what it makes of the numbers")
    links.add_row("Alertmanager", ports.url("alertmanager"), "what it sends on")
    minutes, seconds = divmod(int(time.monotonic() - story.began), 60)
    facts = Table.grid(padding=(0, 2))
    facts.add_row("story", where.get("story", "starting"), f"running for {minutes}:{seconds:02d}")
    facts.add_row("flights", f"{where.get('flights', 0):,} predicted", f"{where.get('labels', 0):,} have landed")
    weather = where.get("weather", "fine")
    facts.add_row("weather feed", Text(weather, "green" if weather == "fine" else "red"))
    alerts = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("alert", "state", "what", "delivered"):
        alerts.add_column(title, header_style="bold")
    active = story.alerts()
    for name in STORY:
        own = [alert for alert in active if alert["labels"]["alertname"] == name]
        states = {alert["state"] for alert in own}
        state = "firing" if "firing" in states else "pending" if own else "quiet"
        what = ", ".join(sorted({alert["labels"].get("feature", "ROC AUC") for alert in own}))
        arrived = next((item.time for item in story.receiver.notifications if name in item.names), None)
        style = {"firing": "bold red", "pending": "yellow", "quiet": "green"}[state]
        alerts.add_row(name, Text(state, style), what, f"{arrived:%H:%M:%S}" if arrived else "-")
    notes = [line for item in story.receiver.notifications[-4:] for line in item.lines()]
    body: list[Any] = [
        Panel(links, title="look at", title_align="left"),
        Panel(facts, title=f"flights of 2013, {story.pace}", title_align="left"),
        Panel(alerts, title="alerts in Prometheus", title_align="left"),
        Panel("\n".join(notes) or "nothing yet", title="arrived at the receiver", title_align="left"),
    ]
    return Group(*body)


def watch(story: Story, ports: Ports, console: Console, *, once: bool) -> int:
    """Show the summary until Ctrl-C, or until the story is told; return the exit code."""
    end = time.monotonic() + 60 * ONCE_MINUTES
    told = 0
    live = Live(console=console, refresh_per_second=2, transient=False) if console.is_terminal else None
    if live:
        live.start()
    try:
        while True:
            story.check()
            if live:
                live.update(picture(story, ports))
            for item in story.receiver.notifications[told:]:
                told += 1
                if not live:
                    lines = [f"{item.time:%H:%M:%S} arrived:", *item.lines()]
                    console.print("\n  ".join(lines), highlight=False, soft_wrap=True)
            if once and story.delivered() == set(STORY):
                minutes, seconds = divmod(int(time.monotonic() - story.began), 60)
                console.print(f"all alerts of the story have arrived after {minutes}:{seconds:02d}")
                return 0
            if once and time.monotonic() > end:
                console.print(story.missing(), soft_wrap=True)
                return 1
            time.sleep(0.5)
    finally:
        if live:
            live.stop()


def main() -> int:
    """Run the story; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--once", action="store_true", help="end once the alerts have arrived, or after 10 minutes"
    )
    parser.add_argument(
        "--speed", type=float, default=3600.0, help="seconds of the story a second (default: 3600)"
    )
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="where everything is kept")
    parser.add_argument("--picture", type=Path, help="write the last summary as SVG, for the documentation")
    for name, port in (("exporter", 19100), ("server", 19080), ("prometheus", 19090), ("alertmanager", 19093)):
        parser.add_argument(f"--{name}-port", type=int, default=port)
    parser.add_argument("--receiver-port", type=int, default=19094)
    given = parser.parse_args()
    names = ("exporter", "server", "prometheus", "alertmanager", "receiver")
    ports = Ports(**{name: getattr(given, f"{name}_port") for name in names})
    console = Console(record=bool(given.picture), width=120 if given.picture else None)
    story = Story(given.folder, ports, given.speed, console)
    try:
        if not given.speed > 0:
            raise DemoError(f"SPEED: must be above 0, got {given.speed:g}")
        story.claim()
        ports.check()
        find_tool("prometheus")
        story.prepare()
        story.start()
        where = f"sidecar {ports.url('exporter')}, Prometheus {ports.url('prometheus')}"
        console.print(f"{where}; Ctrl-C ends everything", soft_wrap=True)
        code = watch(story, ports, console, once=given.once)
        if given.picture:
            drawing = Console(record=True, width=120, file=open(os.devnull, "w"))  # noqa: SIM115
            drawing.print(picture(story, ports))
            drawn = drawing.export_svg(title="make demo")
            # Rich names fonts on the network; a picture in the documentation fetches nothing.
            given.picture.write_text(re.sub(r"\s*@font-face \{.*?\}(?=\n)", "", drawn, flags=re.DOTALL))
        return code
    except DemoError as error:
        console.print(f"demo: {error}", style="red", highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("ending")
        return 0
    finally:
        story.stop()


if __name__ == "__main__":
    sys.exit(main())
