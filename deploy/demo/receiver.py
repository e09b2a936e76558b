"""What stands for the team's chat here: takes Alertmanager's webhooks and keeps what arrived."""

from __future__ import annotations

import json
import threading
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
        """Return it as a person would read it: a line an alert, at most six."""
        shown = [
            f"{alert['status'].upper():8} {alert['labels']['alertname']}: {alert['annotations']['description']}"
            for alert in self.alerts[:6]
        ]
        more = len(self.alerts) - len(shown)
        return [*shown, f"         and {more} more"] if more > 0 else shown


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
                try:
                    document = json.loads(body)
                    alerts = tuple(document["alerts"])
                    valid = document["version"] == "4" and all(_is_complete(alert) for alert in alerts)
                except (ValueError, KeyError, TypeError):
                    valid = False
                if valid:
                    receiver.notifications.append(Notification(datetime.now(), document["status"], alerts))
                self.send_response(200 if valid else 400)
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
