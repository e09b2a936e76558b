"""What stands for every receiver here: takes what Alertmanager sends, and keeps what arrived as webhooks."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Notification:
    """One webhook: when it came, and its alerts."""

    time: datetime
    status: str
    alerts: tuple[dict[str, Any], ...]

    @property
    def names(self) -> set[str]:
        """The names of the alerts in it."""
        return {alert["labels"]["alertname"] for alert in self.alerts}

    def lines(self) -> list[str]:
        """Return it as a person would read it: a line an alert, at most three."""
        # The first of each name before the second of any: none is lost among many features.
        seen = Counter[str]()
        ranked = []
        for alert in self.alerts:
            seen[alert["labels"]["alertname"]] += 1
            ranked.append((seen[alert["labels"]["alertname"]], alert))
        shown = [
            f"{alert['status'].upper():8} {alert['labels']['alertname']}: {alert['annotations']['description']}"
            for _, alert in sorted(ranked, key=lambda pair: pair[0])[:3]
        ]
        more = len(self.alerts) - len(shown)
        return [*shown, f"         and {more} more"] if more > 0 else shown


def redirected(config: dict[str, Any], templates: str, url: str, bridge: str, token: str) -> dict[str, Any]:
    """Return the shipped routes with waits that suit a story, and receivers at ``url`` that need no secret.

    Only the retraining goes where it should: to the bridge at ``bridge``, with the token in the file ``token``.
    """
    config = json.loads(json.dumps(config))  # a copy of its own for each alias
    config["templates"] = [templates]
    # The story plays an hour a second: nobody waits for working hours, nor for minutes.
    for interval in config["time_intervals"]:
        interval["time_intervals"] = [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]
    config["route"] |= {"group_wait": "5s", "group_interval": "5s"}
    for receiver in config["receivers"]:
        receiver.pop("email_configs", None)
        for slack in receiver.get("slack_configs", []):
            del slack["api_url_file"]
            slack["api_url"] = f"{url}/slack"
        for pagerduty in receiver.get("pagerduty_configs", []):
            del pagerduty["routing_key_file"]
            pagerduty |= {"routing_key": "demo", "url": f"{url}/pagerduty"}
        for webhook in receiver.get("webhook_configs", []):
            if receiver["name"] == "retrain":
                webhook["url"] = f"{bridge}/v1/alerts"
                webhook["http_config"]["authorization"]["credentials_file"] = token
                continue
            webhook.pop("http_config", None)
            # All alerts pass the receiver called webhook; the others get some of them again.
            webhook["url"] = f"{url}/" if receiver["name"] == "webhook" else f"{url}/{receiver['name']}"
    return config


def _is_complete(alert: dict[str, Any]) -> bool:
    return "alertname" in alert["labels"] and "description" in alert["annotations"]


@dataclass
class Receiver:
    """An HTTP server on loopback; ``notifications`` grows as they arrive."""

    port: int
    notifications: list[Notification] = field(default_factory=list)

    def start(self) -> None:
        """Begin to listen."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path != "/":
                    # The same alerts again, for a person or another program.
                    self.answer(202)
                    return
                try:
                    document = json.loads(body)
                    alerts = tuple(document["alerts"])
                    valid = document["version"] == "4" and all(_is_complete(alert) for alert in alerts)
                except (ValueError, KeyError, TypeError):
                    valid = False
                if valid:
                    receiver.notifications.append(Notification(datetime.now(), document["status"], alerts))
                self.answer(200 if valid else 400)

            def answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """End listening."""
        self._server.shutdown()
        self._server.server_close()
