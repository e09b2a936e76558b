"""Which receivers which alert reaches, by amtool itself."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.newer import newer

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "alertmanager"
ROUTES = FOLDER / "alertmanager.yml"

RULES = [
    rule
    for file in sorted((ROOT / "prometheus/rules").glob("*.yml"))
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
]
RETRAIN = {"MLPerformanceDrop", "MLFeatureDrift", "MLPredictionDrift", "MLDriftWidespread", "MLWorseThanConstant"}
SEVERITIES = ("critical", "warning", "info")
NAMES = sorted({rule["alert"] for rule in RULES} - {"MLWatchdog"})


def run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def reaches(receivers: list[str], tool: str = "amtool", **labels: str) -> None:
    """Assert that an alert reaches these receivers, in this order, and no other."""
    pairs = [f"{name}={value}" for name, value in labels.items()]
    names = ",".join(receivers)
    run(tool, "config", "routes", "test", f"--config.file={ROUTES}", f"--verify.receivers={names}", *pairs)


def test_amtool_accepts_the_routes() -> None:
    assert "1 templates" in run("amtool", "check-config", ROUTES)


def test_a_later_release_accepts_the_routes_too() -> None:
    tool = newer("amtool")
    run(tool, "check-config", ROUTES)
    reaches(
        ["retrain", "webhook", "critical"], tool, alertname="MLPerformanceDrop", severity="critical", model="m"
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_has_its_receiver_at_every_severity(name: str) -> None:
    labels = {"alertname": name, "job": "ml-exporter", "instance": "a:1"}
    if not name.startswith("MLExporter"):
        labels |= {"model": "m", "version": "1", "owner": "somebody-unknown"}
    before = ["retrain", "webhook"] if name in RETRAIN else ["webhook"]
    for severity in SEVERITIES:
        reaches([*before, severity], severity=severity, **labels)


TABLE: list[tuple[str, list[str], dict[str, str]]] = [
    ("the dead-man's switch reaches its own alone", ["deadman"], {"alertname": "MLWatchdog", "severity": "none"}),
    ("no severity is not lost", ["webhook", "warning"], {"alertname": "MLNew", "model": "m"}),
    ("a severity of one's own is not lost", ["webhook", "warning"], {"alertname": "MLNew", "severity": "page"}),
    ("no owner", ["webhook", "critical"], {"alertname": "MLPerformanceLow", "severity": "critical", "model": "m"}),
    ("empty labels", ["webhook", "warning"], {}),
    (
        "an owner's critical",
        ["webhook", "example-owner-critical"],
        {"alertname": "MLModelServerDown", "severity": "critical", "model": "m", "owner": "example-owner"},
    ),
    (
        "an owner's warning",
        ["retrain", "webhook", "example-owner"],
        {"alertname": "MLFeatureDrift", "severity": "warning", "model": "m", "owner": "example-owner"},
    ),
    (
        "an owner's info",
        ["webhook", "info"],
        {"alertname": "MLVolumeAnomaly", "severity": "info", "model": "m", "owner": "example-owner"},
    ),
    (
        "an owner of a similar name",
        ["webhook", "critical"],
        {"alertname": "MLModelAbsent", "severity": "critical", "model": "m", "owner": "example-owner-2"},
    ),
    (
        "a model that pages for warnings",
        ["retrain", "webhook", "critical"],
        {"alertname": "MLFeatureDrift", "severity": "warning", "model": "example-model", "owner": "example-owner"},
    ),
    (
        "no retraining without a model",
        ["webhook", "warning"],
        {"alertname": "MLDriftWidespread", "severity": "warning"},
    ),
]


@pytest.mark.parametrize(("receivers", "labels"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_table(receivers: list[str], labels: dict[str, str]) -> None:
    reaches(receivers, **labels)


def config() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(ROUTES.read_text())
    return loaded


def routes(route: dict[str, Any]) -> list[dict[str, Any]]:
    return [route, *(below for inner in route.get("routes", []) for below in routes(inner))]


def test_no_secret_is_in_the_file_and_every_file_is_named_in_the_readme() -> None:
    text = ROUTES.read_text()
    assert not re.findall(r"(?<!_file)\b(?:routing_key|api_url|credentials|password|smtp_auth_password): ", text)
    files = re.findall(r"_file: ([^\s}]+)", text)
    assert files
    assert all(file.startswith("/etc/alertmanager/secrets/") for file in files)
    ignored = (FOLDER / "secrets/.gitignore").read_text().split()
    assert ignored == ["*", "!.gitignore"]
    named = set(re.findall(r"`(secrets/[\w-]+)`", (FOLDER / "README.md").read_text()))
    assert {file.removeprefix("/etc/alertmanager/") for file in files} == named


def test_only_warnings_wait_for_working_hours() -> None:
    waiting = [route for route in routes(config()["route"]) if "active_time_intervals" in route]
    assert {route["receiver"] for route in waiting} == {"warning", "example-owner"}


def test_every_receiver_delivers_and_is_used() -> None:
    used = {route["receiver"] for route in routes(config()["route"])}
    for receiver in config()["receivers"]:
        assert len(receiver) > 1, f"{receiver['name']} delivers nothing"
    assert used == {receiver["name"] for receiver in config()["receivers"]} - {"channels"}


def test_waits_are_multiples() -> None:
    for route in routes(config()["route"]):
        if route["receiver"] != "deadman":
            assert route.get("repeat_interval", "4h") in ("4h", "12h", "3d")
            assert route.get("group_interval", "5m") in ("5m", "12h")


def test_the_commands_of_the_readme_run(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "alertmanager")
    blocks = re.findall(r"```sh\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    # The last needs a running Alertmanager: test_notifications.py.
    done = [
        subprocess.run(["bash", "-ec", block], cwd=tmp_path, capture_output=True, text=True)
        for block in blocks[:-1]
    ]
    assert [ended.returncode for ended in done] == [0, 0, 0], [ended.stderr for ended in done]
    assert f"{tmp_path}/alertmanager/secrets/slack-url" in (tmp_path / "alertmanager/alertmanager.yml").read_text()
    assert done[1].stdout.splitlines()[-1] == "retrain,webhook,warning"
