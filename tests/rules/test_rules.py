"""Rules and routes: what promtool and amtool say, and that every series and runbook they name exists."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml_exporter.app.catalogue import catalogue
from ml_exporter.core.metrics import Kind

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "prometheus/rules").glob("*.yml"))
DEMO = ROOT / "deploy/demo/thresholds.yml"
ROUTES = ROOT / "alertmanager/alertmanager.yml"


def run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules(*files: Path) -> list[dict[str, Any]]:
    return [
        rule for file in files for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]
    ]


ALERTS = [rule for rule in rules(*RULES) if "alert" in rule]


def test_promtool_accepts_the_rules_and_finds_nothing_to_lint() -> None:
    run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *RULES, DEMO)


def test_alerts_fire_when_they_should_and_not_before() -> None:
    run("promtool", "test", "rules", Path(__file__).parent / "alerts.test.yml")


def test_every_alert_is_tested() -> None:
    tested = (Path(__file__).parent / "alerts.test.yml").read_text()
    for alert in ALERTS:
        assert f"alertname: {alert['alert']}\n        exp_alerts:" in tested, alert["alert"]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_how_bad_what_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning", "info")
    assert alert["annotations"]["summary"].endswith(".")
    runbook = ROOT / alert["annotations"]["runbook"]
    assert runbook.stem == alert["alert"]
    headings = re.findall(r"^## (.+)$", runbook.read_text(), re.MULTILINE)
    assert headings == ["Meaning", "Impact", "Diagnosis", "Mitigation"]


def test_every_series_is_in_the_catalogue_or_recorded() -> None:
    exposed = {metric.name for metric in catalogue()}
    for metric in catalogue():
        if metric.kind is Kind.HISTOGRAM:
            exposed |= {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
    recorded = {rule["record"] for rule in rules(*RULES) if "record" in rule}
    for rule in rules(*RULES):
        for name in re.findall(r"\bml[_:][a-z_:]+", rule["expr"]):
            assert name in exposed | recorded, f"{name} in {rule.get('alert') or rule.get('record')}"


def test_the_demo_sets_every_threshold() -> None:
    shipped = {rule["record"] for rule in rules(ROOT / "prometheus/rules/thresholds.yml")}
    assert {rule["record"] for rule in rules(DEMO)} == shipped


def test_amtool_accepts_the_routes() -> None:
    run("amtool", "check-config", ROUTES)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_has_a_receiver(alert: dict[str, Any]) -> None:
    labels = [f"alertname={alert['alert']}", "model=m", "version=1", f"severity={alert['labels']['severity']}"]
    run("amtool", "config", "routes", "test", f"--config.file={ROUTES}", "--verify.receivers=team", *labels)
