"""All rules over 200,000 series and a day of history in a real Prometheus, beside scraping those series."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import yaml

from harness import Row
from single import _free_port, _wait
from workload import events, folder, ndjson

RULES = sorted((Path(__file__).parents[1] / "prometheus/rules").glob("*.yml"))
SERIES = 200_000
MODELS = 4
STEP = 300
SECONDS = 90
"""How long each of the two sides is watched."""


def run() -> list[Row]:
    """Return the line of the table."""
    page = Page(_page())
    home = Path(tempfile.mkdtemp(dir=folder()))
    targets = max(SERIES // page.series, 1)
    with _serving(page) as port:
        plain = home / "plain.yml"
        plain.write_text(_config(port, targets, []))
        with _prometheus(home, plain) as there:
            scraping = _cpu(there)
        ruled = home / "ruled.yml"
        ruled.write_text(_config(port, targets, RULES))
        with _prometheus(home, ruled) as there:
            time.sleep(2 * 60)
            past = home / "past.om"
            _write_past(there, past)
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(past), str(home / "tsdb")]
        subprocess.run(command, check=True, capture_output=True)
        with _prometheus(home, ruled) as there:
            time.sleep(60)
            with_rules = _cpu(there)
            turn = _turn(there)
            series = _ask(there, 'count({job="ml-exporter", __name__!~".+:.+"})').popitem()[1]
    return [
        Row(
            f"all rules once, {series:,.0f} series of {targets} sidecars, a day of history",
            f"{turn:.2f} s each minute; CPU {with_rules - scraping:.2f} s",
            f"scraping the same every 15 s: CPU {scraping:.2f} s a minute",
            f"{(with_rules - scraping) / scraping:.2f}x its CPU",
            "below 6 s",
            turn < 6,
        )
    ]


class Page:
    """A sidecar's page whose counters go on growing as fast as they did."""

    def __init__(self, text: str) -> None:
        counting: set[str] = set()
        lines: list[tuple[str, float, bool]] = []
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                parts = (
                    ("",) if kind == "counter" else ("_bucket", "_sum", "_count") if kind == "histogram" else ()
                )
                counting |= {name + part for part in parts}
            elif not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                lines.append((name, float(value), name.partition("{")[0] in counting))
        self._lines = lines
        self._began = time.time()

    @property
    def series(self) -> int:
        return len(self._lines)

    def at(self, now: float, model: str) -> bytes:
        turns = 1 + (now - self._began) / 60
        shown = (f"{name} {value * turns if grows else value:.10g}\n" for name, value, grows in self._lines)
        return "".join(shown).replace('model="m"', f'model="{model}"').encode()


def _page() -> str:
    """Return the page of a real sidecar that has counted predictions and labels."""
    port = _free_port()
    command = [sys.executable, "-m", "ml_exporter", "serve", "--config.file", str(folder() / "ml-exporter.yml")]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    server = subprocess.Popen(command)
    try:
        _wait(port)
        sent = events(2_000)
        labels = [{"id": event["id"], "label": number % 2} for number, event in enumerate(sent)]
        for path, items in (("predictions", sent), ("labels", labels)):
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/v1/{path}", ndjson(items), {"Content-Type": "application/x-ndjson"}
            )
            urllib.request.urlopen(request).read()
        time.sleep(3)
        text: str = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
        return text
    finally:
        server.terminate()
        server.wait()


@contextmanager
def _serving(page: Page) -> Iterator[int]:
    """Serve the page of target N at /N, a model for each fourth of the targets."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = int(self.path.strip("/"))
            body = page.at(time.time(), f"model-{number % MODELS}")
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def _config(port: int, targets: int, rules: list[Path]) -> str:
    paths = {"source_labels": ["number"], "target_label": "__metrics_path__", "replacement": "/$1"}
    instances = {"source_labels": ["number"], "target_label": "instance"}
    numbers = [{"targets": [f"127.0.0.1:{port}"], "labels": {"number": str(number)}} for number in range(targets)]
    job = {
        "job_name": "ml-exporter",
        "static_configs": numbers,
        "relabel_configs": [paths, instances, {"action": "labeldrop", "regex": "number"}],
    }
    document = {
        "global": {"scrape_interval": "15s", "evaluation_interval": "60s"},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [job],
    }
    return yaml.safe_dump(document)


@contextmanager
def _prometheus(home: Path, config: Path) -> Iterator[int]:
    port = _free_port()
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={home / 'tsdb'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    process = subprocess.Popen(command)
    try:
        _wait(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _cpu(port: int) -> float:
    """Return the seconds of CPU that Prometheus takes in a minute."""
    time.sleep(30)
    before, began = _process_seconds(port), time.time()
    time.sleep(SECONDS)
    return (_process_seconds(port) - before) * 60 / (time.time() - began)


def _process_seconds(port: int) -> float:
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    return float(re.findall(r"^process_cpu_seconds_total (\S+)", text, re.MULTILINE)[0])


def _turn(port: int) -> float:
    """Return the seconds that the last evaluation of all groups took together; every rule must have gone well."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/rules") as answer:
        groups = json.load(answer)["data"]["groups"]
    bad = [rule["name"] for group in groups for rule in group["rules"] if rule["health"] != "ok"]
    assert not bad, bad
    return float(sum(group["evaluationTime"] for group in groups))


def _write_past(port: int, path: Path) -> None:
    """Write what windows longer than five minutes read, as it is now, for each five minutes they reach back."""
    reach: dict[str, int] = {}
    for rules in RULES:
        ranges = re.findall(r'(\w+(?::\w+)+)\{window="5m"\}\[(\d+)([hd]):5m\]', rules.read_text())
        for name, number, unit in ranges:
            reach[name] = max(reach.get(name, 0), int(number) * {"h": 12, "d": 288}[unit])
    now = int(time.time()) // STEP * STEP
    with open(path, "w") as file:
        for name, steps in reach.items():
            file.write(f"# TYPE {name} gauge\n")
            for labels, value in _ask(port, f'{name}{{window="5m"}}').items():
                inner = ",".join(f"{key}={json.dumps(text)}" for key, text in labels if key != "__name__")
                for step in range(steps, 0, -1):
                    file.write(f"{name}{{{inner}}} {value} {now - step * STEP}\n")
        file.write("# EOF\n")


def _ask(port: int, query: str) -> dict[tuple[tuple[str, str], ...], float]:
    with urllib.request.urlopen(
        f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}"
    ) as answer:
        found = json.load(answer)["data"]["result"]
    return {tuple(sorted(item["metric"].items())): float(item["value"][1]) for item in found}


if __name__ == "__main__":
    print(run())
