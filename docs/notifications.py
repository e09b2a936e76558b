"""What a real Alertmanager makes of one incident with the shipped routes and templates, for notifications.md."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

from support.alertmanager import SHIPPED, Alertmanager, Receivers, model, shipped
from support.receivers import until

RUNBOOKS = "https://github.com/OWNER/ml-exporter/blob/main/docs/runbooks"
DASHBOARD = "https://grafana.example.org/d/ml-model?var-model=flights"


def _alert(name: str, severity: str, labels: dict[str, str], **annotations: str) -> dict[str, Any]:
    made = model(name, severity, version="2013-03", **labels)
    made["annotations"] = {**annotations, "runbook_url": f"{RUNBOOKS}/{name}.md", "dashboard_url": DASHBOARD}
    made["startsAt"] = "2026-01-05T07:30:00Z"
    return made


INCIDENT = [
    _alert(
        "MLPerformanceDrop",
        "critical",
        {"window": "24h"},
        summary="The model is less right than on its baseline.",
        description="The ROC AUC of flights 2013-03 is 0.12 below its baseline over 24h; the threshold is 0.05.",
        features="temp 0.62, humid 0.41",
        first_step="Look whether the features that drift most are broken or whether the world has changed.",
        rollback="Version 2013-01 still serves and has a ROC AUC of 0.71.",
    ),
    _alert(
        "MLFeatureMissing",
        "critical",
        {"window": "5m", "feature": "visib"},
        summary="Values of a feature are missing.",
        description="34% more of the values of visib are missing than in the baseline of flights 2013-03.",
        first_step="Ask the owner of the feed that visib comes from.",
    ),
    *(
        _alert(
            "MLFeatureDrift",
            "warning",
            {"window": "24h", "feature": feature},
            summary="A feature is not distributed as in the baseline.",
            description=f"The population stability index of {feature} of flights 2013-03 is {value} over 24h.",
            first_step="Compare its bins with the baseline's on the dashboard.",
        )
        for feature, value in (("humid", "0.41"), ("temp", "0.62"), ("visib", "1.20"))
    ),
    _alert(
        "MLVolumeAnomaly",
        "info",
        {},
        summary="The model answers more or fewer requests than usual.",
        description="flights 2013-03 answers 41 requests a minute, half of last week's at this hour.",
        first_step="Ask the caller.",
    ),
]


def _fence(language: str, text: str) -> list[str]:
    return [f"```{language}", *text.rstrip().splitlines(), "```"]


def _slack(body: dict[str, Any]) -> list[str]:
    """As Slack shows it, but for the bold and the colour."""
    attachment = body["attachments"][0]
    buttons = " ".join(f"[{action['text']}]" for action in attachment["actions"])
    shown = re.sub(r"<!date\^[^|>]+\|([^>]+)>", r"\1", attachment["text"].rstrip())
    shown = re.sub(r"<https?://[^|>]+\|([^>]+)>", r"[\1]", shown)
    text = f"{attachment['title']}\n\n{shown}\n\n{buttons}\n{attachment['footer']}"
    return _fence("text", text)


def _pagerduty(body: dict[str, Any]) -> list[str]:
    # Later releases send numbers and null.
    details = body["payload"]["custom_details"]
    body["payload"]["custom_details"] = {
        name: "" if value is None else str(value) for name, value in details.items()
    }
    return _fence("json", json.dumps(body, indent=2, ensure_ascii=False))


def _webhook(body: dict[str, Any]) -> list[str]:
    names = (
        "version",
        "status",
        "receiver",
        "groupKey",
        "truncatedAlerts",
        "groupLabels",
        "commonLabels",
        "alerts",
    )
    # One alert shows the form.
    shown = {name: body[name] for name in names} | {"alerts": body["alerts"][:1]}
    return _fence("json", json.dumps(shown, indent=2, ensure_ascii=False))


def _inhibitions() -> list[str]:
    lines = ["| while this fires | this is silent | if equal |", "| --- | --- | --- |"]
    for rule in yaml.safe_load((SHIPPED / "alertmanager.yml").read_text())["inhibit_rules"]:
        cells = ["<br>".join(f"`{text}`" for text in rule[f"{side}_matchers"]) for side in ("source", "target")]
        cells.append(", ".join(rule["equal"]))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines


def examples() -> dict[str, list[str]]:
    """Return the generated parts of the page."""
    shown = subprocess.run(
        ["amtool", "config", "routes", "show", f"--config.file={SHIPPED / 'alertmanager.yml'}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    tree = shown[shown.index(".") :].replace("\N{NO-BREAK SPACE}", " ")
    receivers = Receivers()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            alertmanager = Alertmanager(folder, shipped(folder, receivers))
            try:
                # An incident that began long ago is sent at once, in parts, and then as a whole. What
                # silences comes first.
                alertmanager.send(*INCIDENT[:2])
                critical = until(lambda: next((b for b in receivers.slack.taken if _is(b, "CRITICAL", 2)), None))
                alertmanager.send(*INCIDENT[2:])
                warning = until(lambda: next((b for b in receivers.slack.taken if _is(b, "WARNING", 2)), None))
                trigger = until(lambda: next((b for b in receivers.pagerduty.taken if _firing(b) == 2), None))
                retrain = until(lambda: next((b for b in receivers.retrain.taken if len(b["alerts"]) == 3), None))
                until(lambda: receivers.mail.mails)
                subject, text = receivers.mail.mails[0]["Subject"], receivers.mail.part(0, "plain")
                alertmanager.send(*({**alert, "endsAt": "2026-01-05T09:05:00Z"} for alert in INCIDENT))
                resolved = until(lambda: next((b for b in receivers.slack.taken if _ended(b)), None))
            finally:
                alertmanager.end()
    finally:
        receivers.stop()
    return {
        "tree": _fence("text", tree),
        "inhibitions": _inhibitions(),
        "slack": _slack(critical),
        "slack-warning": _slack(warning),
        "slack-resolved": _slack(resolved),
        "pagerduty": _pagerduty(trigger),
        "email": _fence("text", f"Subject: {subject}\n\n{text}"),
        "retrain": _webhook(retrain),
    }


def _is(body: dict[str, Any], word: str, count: int) -> bool:
    attachment = body["attachments"][0]
    return attachment["title"].startswith(word) and attachment["text"].count(" since <!date") == count


def _firing(body: dict[str, Any]) -> int:
    return int(body["payload"]["custom_details"]["num_firing"])


def _ended(body: dict[str, Any]) -> bool:
    attachment = body["attachments"][0]
    return attachment["title"].startswith("RESOLVED") and attachment["text"].count("MLPerformanceDrop") == 1
