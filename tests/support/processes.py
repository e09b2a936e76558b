"""Real processes on loopback: sidecars, Prometheus; each ends with its test."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml


def free_port() -> int:
    """Return a port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """A server process that answers HTTP on a port."""

    def __init__(self, command: list[str], port: int, ready: str, log: Path) -> None:
        self.port = port
        self.log = log
        with open(log, "w") as file:
            self.process = subprocess.Popen(
                command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )
        try:
            self.until_answers(ready)
        except BaseException:
            self.end()
            raise

    def until_answers(self, path: str, seconds: float = 30.0) -> None:
        """Wait until a path answers 200."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.log.read_text()}"
            try:
                if self.get(path)[0] == 200:
                    return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"{path} does not answer: {self.log.read_text()}")

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Return status and body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(
                method, path, body, {name.replace("_", "-"): value for name, value in headers.items()}
            )
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body of a path."""
        return self.request("GET", path)

    def post(self, path: str, items: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        """Post items as lines of JSON."""
        body = b"\n".join(json.dumps(item).encode() for item in items)
        status, answer = self.request("POST", path, body, Content_Type="application/x-ndjson")
        return status, json.loads(answer)

    def metrics(self) -> dict[str, float]:
        """Return every sample of the page by its line up to the value."""
        lines = [line for line in self.get("/metrics")[1].decode().splitlines() if line and line[0] != "#"]
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

    def until(self, series: str, value: float, seconds: float = 20.0) -> None:
        """Wait until a series has a value."""
        end = time.monotonic() + seconds
        found: float | None = None
        while time.monotonic() < end:
            if (found := self.metrics().get(series)) == value:
                return
            time.sleep(0.05)
        raise AssertionError(f"{series} is {found}, not {value}, after {seconds} seconds")

    def end(self, number: int | None = None, seconds: float = 20.0) -> int:
        """Send a signal, SIGKILL if none is named, and return the exit code."""
        if self.process.poll() is None:
            self.process.kill() if number is None else self.process.send_signal(number)
        return self.process.wait(seconds)


def sidecar(
    config: Path, port: int | None = None, *options: str, program: tuple[str, ...] = ("-m", "ml_exporter")
) -> Process:
    """Start ``ml-exporter serve`` and wait until it is ready; ``program`` is what Python runs."""
    port = port or free_port()
    command = [sys.executable, *program, "serve", "--config.file", str(config)]
    command += [f"--web.listen-address=127.0.0.1:{port}", *options]
    return Process(command, port, "/-/ready", config.parent / f"sidecar-{port}.log")


class Prometheus(Process):
    """A Prometheus that scrapes sidecars."""

    def __init__(
        self,
        folder: Path,
        targets: dict[str, list[int]],
        rules: list[Path] | None = None,
        alertmanager: int | None = None,
        scrape: str = "1s",
    ) -> None:
        tool = shutil.which("prometheus")
        assert tool is not None, "prometheus is not on PATH; deploy/bootstrap.sh tools installs it"
        config: dict[str, Any] = {
            "global": {"scrape_interval": scrape, "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in rules or []],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}]}
                for job, ports in targets.items()
            ],
        }
        if alertmanager is not None:
            target = {"targets": [f"127.0.0.1:{alertmanager}"]}
            config["alerting"] = {"alertmanagers": [{"static_configs": [target]}]}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        port = free_port()
        command = [tool, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}"]
        command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
        command += ["--storage.tsdb.retention.time=100y"]
        # Prometheus finds Alertmanager seconds after its first evaluation; what fired then is sent again.
        command += ["--rules.alert.resend-delay=1s"]
        super().__init__(command, port, "/-/ready", folder / "prometheus.log")

    def query(self, expression: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Return the value of each series of an instant query, by its labels."""
        status, body = self.get(f"/api/v1/query?query={quote(expression)}")
        assert status == 200, body
        return {
            tuple(sorted(item["metric"].items())): float(item["value"][1])
            for item in json.loads(body)["data"]["result"]
        }

    def until_query(self, expression: str, value: float, seconds: float = 30.0) -> None:
        """Wait until a query has a single value."""
        end = time.monotonic() + seconds
        found: Any = None
        while time.monotonic() < end:
            found = self.query(expression)
            if list(found.values()) == [value]:
                return
            time.sleep(0.1)
        raise AssertionError(f"{expression} is {found}, not {value}")

    def until_evaluated(self, seconds: float = 30.0) -> None:
        """Wait until every rule group has been evaluated after now, twice: rules of one group read another's."""
        for _ in range(2):
            now = datetime.now(UTC)
            end = time.monotonic() + seconds
            while any(turn <= now for turn in self._evaluations()):
                assert time.monotonic() < end, "rules are not evaluated"
                time.sleep(0.1)

    def _evaluations(self) -> list[datetime]:
        """When the evaluation of each rule group last began."""
        groups = json.loads(self.get("/api/v1/rules")[1])["data"]["groups"]
        return [datetime.fromisoformat(group["lastEvaluation"][:26].rstrip("Z") + "+00:00") for group in groups]
