"""From a rule of a real Prometheus to every receiver: firing, grouped, inhibited, resolved."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from support.alertmanager import Alertmanager, Receivers, shipped
from support.processes import Prometheus
from support.receivers import until

RULES = """\
groups:
  - name: tiny
    rules:
      - alert: MLWatchdog
        expr: vector(1)
        labels: {severity: none}
      - alert: MLFeatureDrift
        expr: test_drift > 0.2
        labels: {severity: warning, owner: operations}
        annotations:
          summary: A feature has drifted.
          description: 'The drift of {{ $labels.feature }} is {{ $value | printf "%.2f" }}.'
      - alert: MLPerformanceDrop
        expr: test_drop > 0.05
        labels: {severity: critical, owner: operations}
        annotations:
          summary: The model is less right.
          description: 'It is {{ $value | printf "%.2f" }} below its baseline.'
      - alert: MLModelServerDown
        expr: test_up == 0
        labels: {severity: critical, owner: operations}
        annotations: {summary: The server is down., description: 'No answer from {{ $labels.instance }}.'}
"""


class Page:
    """What Prometheus scrapes; its values can be set."""

    def __init__(self) -> None:
        self.values = {"drift": 0.0, "drop": 0.0, "up": 1.0}
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                model = 'model="flights",version="3"'
                lines = [
                    f'test_drift{{{model},feature="{name}"}} {page.values["drift"]}' for name in ("temp", "humid")
                ]
                lines += [f"test_{name}{{{model}}} {page.values[name]}" for name in ("drop", "up")]
                body = ("\n".join(lines) + "\n").encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def page() -> Iterator[Page]:
    opened = Page()
    yield opened
    opened.stop()


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    opened = Receivers()
    yield opened
    opened.stop()
    assert opened.refused() == []


def test_from_a_rule_to_every_receiver_and_back(tmp_path: Path, page: Page, receivers: Receivers) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    folder = tmp_path / "alertmanager"
    # Longer than two evaluations, so that what begins together is told together.
    alertmanager = Alertmanager(folder, shipped(folder, receivers, wait="2500ms"))
    try:
        prometheus = Prometheus(tmp_path, {"ml-exporter": [page.port]}, [rules], alertmanager.port)
        try:
            until(lambda: receivers.deadman.taken, "the dead-man's switch is told first")
            assert not receivers.webhook.taken

            page.values |= {"drift": 0.5, "drop": 0.1}
            until(
                lambda: receivers.pagerduty.taken and len(receivers.slack.taken) >= 2 and receivers.retrain.taken
            )
            (event,) = receivers.pagerduty.taken
            assert event["payload"]["summary"] == "CRITICAL flights 3: The model is less right."
            assert "It is 0.10 below its baseline." in event["payload"]["custom_details"]["firing"]
            (warning,) = (body["attachments"][0] for body in receivers.slack.taken if "WARNING" in str(body))
            assert "The drift of temp is 0.50." in warning["text"]
            assert "The drift of humid is 0.50." in warning["text"]
            until(lambda: {"MLFeatureDrift", "MLPerformanceDrop"} in receivers.retrain.names())
            until(lambda: {"MLFeatureDrift", "MLPerformanceDrop"} in receivers.webhook.names())

            page.values["up"] = 0.0
            until(lambda: set(alertmanager.inhibited()) == {"MLFeatureDrift", "MLPerformanceDrop"})
            assert all(by == {"MLModelServerDown"} for by in alertmanager.inhibited().values())
            until(lambda: {"MLModelServerDown"} in receivers.webhook.names(), "it is told, the rest is silent")
            until(lambda: "The server is down." in receivers.pagerduty.taken[-1]["payload"]["summary"])

            page.values["up"] = 1.0
            until(lambda: not alertmanager.inhibited())
            page.values |= {"drift": 0.0, "drop": 0.0}
            until(lambda: receivers.pagerduty.taken[-1]["event_action"] == "resolve")
            assert {body["dedup_key"] for body in receivers.pagerduty.taken} == {event["dedup_key"]}
            until(lambda: receivers.webhook.taken[-1]["status"] == "resolved")
            until(lambda: [body for body in receivers.slack.taken if "RESOLVED flights" in str(body)][1:])
            assert all(body["status"] == "firing" for body in receivers.retrain.taken)
        finally:
            prometheus.end()
    finally:
        alertmanager.end()
