"""A real Alertmanager with the shipped routes, and every receiver that they name."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from support.processes import Process, free_port
from support.receivers import Inbox, Mailbox, pagerduty, slack, until, webhook

SHIPPED = Path(__file__).parents[2] / "alertmanager"
URL = "http://alertmanager.example.org"
TOKEN = "retrain-token-of-the-test"
PASSWORD = "mail-password-of-the-test"
ROUTING_KEY = "0123456789abcdef0123456789abcdef"
ALWAYS = [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]
# No year that a test will see.
NEVER = [{"years": ["1999"]}]


def alertmanager_tool() -> str:
    """Return Alertmanager, by its own name or Debian's."""
    tool = shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")
    assert tool is not None, "alertmanager is not on PATH; deploy/bootstrap.sh tools installs it"
    return tool


class Receivers:
    """All receivers of the shipped routes."""

    def __init__(self) -> None:
        self.slack = Inbox("/services/T0/B0/shared", slack, (200, "ok"))
        self.owner_slack = Inbox("/services/T0/B0/owner", slack, (200, "ok"))
        self.pagerduty = Inbox(
            "/v2/enqueue", pagerduty, (202, '{"status": "success", "dedup_key": "DEDUP", "message": "ok"}')
        )
        self.webhook = Inbox("/", webhook, (200, ""))
        self.retrain = Inbox("/v1/alerts", webhook, (202, ""), TOKEN)
        self.deadman = Inbox("/", webhook, (200, ""), TOKEN)
        self.mail = Mailbox(PASSWORD)
        self.inboxes = (self.slack, self.owner_slack, self.pagerduty, self.webhook, self.retrain, self.deadman)

    def refused(self) -> list[Any]:
        """Return all that a receiver would not take."""
        return [entry for inbox in self.inboxes for entry in inbox.refused]

    def stop(self) -> None:
        for inbox in self.inboxes:
            inbox.stop()
        self.mail.stop()


def shipped(folder: Path, receivers: Receivers, *, working: bool = True, wait: str = "500ms") -> dict[str, Any]:
    """Copy the shipped folder and return its configuration: with these receivers, secrets and short waits.

    Routes, matchers, grouping, inhibition and templates are as shipped.
    """
    shutil.copytree(SHIPPED, folder, dirs_exist_ok=True)
    secrets = folder / "secrets"
    secrets.mkdir(exist_ok=True)
    (secrets / "slack-url").write_text(receivers.slack.url + "\n")
    (secrets / "example-owner-slack-url").write_text(receivers.owner_slack.url + "\n")
    (secrets / "pagerduty-routing-key").write_text(ROUTING_KEY + "\n")
    (secrets / "smtp-password").write_text(PASSWORD)
    for name in ("retrain-token", "deadman-token"):
        (secrets / name).write_text(TOKEN + "\n")
    receivers.mail.authority.cert_pem.write_to_path(secrets / "smtp-ca.pem")
    text = (folder / "alertmanager.yml").read_text().replace("/etc/alertmanager/", f"{folder}/")
    # Through JSON, so that each alias becomes a copy of its own.
    config: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(text)))
    config["global"]["smtp_smarthost"] = f"127.0.0.1:{receivers.mail.port}"
    config["global"]["pagerduty_url"] = receivers.pagerduty.url
    for receiver in config["receivers"]:
        for mail in receiver.get("email_configs", []):
            mail["tls_config"] = {"ca_file": str(secrets / "smtp-ca.pem")}
        for hook in receiver.get("webhook_configs", []):
            hook["url"] = getattr(receivers, receiver["name"]).url
    for interval in config["time_intervals"]:
        interval["time_intervals"] = ALWAYS if working else NEVER
    shorten(config["route"], wait)
    return config


def shorten(route: dict[str, Any], wait: str) -> None:
    """Shorten the waits of a route and of those below."""
    if "group_by" in route or "group_wait" in route:
        route["group_wait"], route["group_interval"] = wait, "1s"
    for inner in route.get("routes", []):
        shorten(inner, wait)


class Alertmanager(Process):
    """An Alertmanager with a configuration, by its API."""

    def __init__(self, folder: Path, config: dict[str, Any], tool: str | None = None) -> None:
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(config, sort_keys=False))
        port = free_port()
        command = [tool or alertmanager_tool(), f"--config.file={folder / 'alertmanager.yml'}"]
        command += [f"--storage.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
        command += ["--cluster.listen-address=", f"--web.external-url={URL}"]
        super().__init__(command, port, "/-/ready", folder / "alertmanager.log")

    def send(self, *alerts: dict[str, Any]) -> None:
        """Post alerts as Prometheus does."""
        body = json.dumps(alerts).encode()
        status, answer = self.request("POST", "/api/v2/alerts", body, Content_Type="application/json")
        assert status == 200, answer

    def alerts(self) -> list[dict[str, Any]]:
        """Return every alert with its status."""
        found: list[dict[str, Any]] = json.loads(self.get("/api/v2/alerts")[1])
        return found

    def inhibited(self) -> dict[str, set[str]]:
        """Return the names of the inhibited alerts, each with the names of what inhibits it."""
        alerts = self.alerts()
        names = {alert["fingerprint"]: alert["labels"]["alertname"] for alert in alerts}
        return {
            alert["labels"]["alertname"]: {names[by] for by in alert["status"]["inhibitedBy"]}
            for alert in alerts
            if alert["status"]["inhibitedBy"]
        }

    def until_processed(self, count: int) -> None:
        """Wait until Alertmanager has decided on so many alerts."""
        until(
            lambda: len([1 for alert in self.alerts() if alert["status"]["state"] != "unprocessed"]) == count,
            f"{count} alerts processed",
        )


def alert(name: str, severity: str = "warning", **labels: str) -> dict[str, Any]:
    """Return an alert as Prometheus posts it."""
    place = {"alertname": name, "severity": severity, "job": "ml-exporter"}
    runbook = f"https://github.com/example/ml-exporter/blob/main/docs/runbooks/{name}.md"
    return {
        "labels": {**place, **labels},
        "annotations": {
            "summary": f"{name} has fired.",
            "description": f"Something is wrong with {labels.get('model', 'a sidecar')}.",
            "runbook_url": runbook,
            "dashboard_url": "https://grafana.example.org/d/ml-model",
        },
        # One that began before the group's wait would be sent at once, without those that are posted with it.
        "startsAt": dt.datetime.now(dt.UTC).isoformat(),
        "endsAt": "2099-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.org/graph",
    }


def model(name: str, severity: str = "warning", **labels: str) -> dict[str, Any]:
    """Return an alert on a model."""
    return alert(name, severity, **{"model": "flights", "version": "3", "owner": "operations", **labels})


def ended(*alerts: dict[str, Any]) -> list[dict[str, Any]]:
    """Return alerts as Prometheus posts them once they are over."""
    return [{**item, "endsAt": dt.datetime.now(dt.UTC).isoformat()} for item in alerts]
