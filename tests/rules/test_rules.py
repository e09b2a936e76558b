"""The rule files: generated as committed, free of lint, about series that exist, with texts that help."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml_exporter import __version__
from ml_exporter.app.catalogue import catalogue
from ml_exporter.core.metrics import Kind
from ml_exporter.retrain.metrics import Metrics
from support.rules import RULES

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "prometheus"))

from generate import files  # noqa: E402

PATHS = sorted(RULES.glob("*.yml"))
DOCUMENTS = {path.stem: yaml.safe_load(path.read_text()) for path in PATHS}
ALL = [rule for document in DOCUMENTS.values() for group in document["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in ALL if "alert" in rule]
OPERATIONS = re.compile(r"[a-z0-9_]+:[a-z0-9_]+:[a-z0-9_]+")


def name_of(rule: dict[str, Any]) -> str:
    return " ".join([rule["alert"], rule["labels"].get("long", "")]).strip()


def test_the_files_are_those_that_the_definitions_give() -> None:
    for path, text in files().items():
        assert path.read_text() == text, f"{path.name}: run make rules"
    assert {path.stem for path in PATHS} == {path.stem for path in files()} | {"thresholds"}


def test_what_people_edit_says_which_version_it_is() -> None:
    for path in (RULES / "thresholds.yml", ROOT / "alertmanager/alertmanager.yml"):
        found = re.findall(r"[Vv]ersion (\d+\.\d+\.\d+)", "\n".join(path.read_text().splitlines()[:5]))
        assert found == [__version__], path.name
    assert [rule["labels"]["version"] for rule in ALL if rule.get("record") == "ml:rules:info"] == [__version__]


def test_promtool_accepts_the_rules_and_finds_nothing_to_lint() -> None:
    done = subprocess.run(
        ["promtool", "check", "rules", "--lint=all", "--lint-fatal", *map(str, PATHS)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_series_is_exposed_recorded_or_prometheus_own() -> None:
    known = {"up", "scrape_duration_seconds"} | {rule["record"] for rule in ALL if "record" in rule}
    for metric in [*catalogue(), *Metrics.metrics]:
        known.add(metric.name)
        if metric.kind is Kind.HISTOGRAM:
            known |= {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
    # A floor has no default: nobody but a team can say what a model must reach.
    known.add("ml:performance_floor:threshold")
    for rule in ALL:
        texts = [rule["expr"], *rule.get("annotations", {}).values()]
        for name in re.findall(
            r"\b(?:ml_[a-z0-9_]+|[a-z_]+:[a-z0-9_:]+)", " ".join(re.findall(r"[^\s(){},\"]+", " ".join(texts)))
        ):
            if "/" not in name and not name.startswith("https"):
                assert name in known, f"{name} in {rule.get('alert') or rule.get('record')}"


def test_recorded_series_are_named_by_level_metric_and_operations() -> None:
    for rule in ALL:
        if "record" in rule:
            assert OPERATIONS.fullmatch(rule["record"]), rule["record"]


def test_no_gauge_is_averaged() -> None:
    """Replicas are summed, or agree and are taken once; a mean of them would be nobody's number."""
    for rule in ALL:
        for aggregation in re.findall(r"\bavg\w* (?:by|without) \(([^)]*)\)", rule["expr"]):
            assert aggregation in ("class", "component"), rule.get("record")


@pytest.mark.parametrize("alert", ALERTS, ids=name_of)
def test_an_alert_says_what_how_bad_and_what_to_do(alert: dict[str, Any]) -> None:
    watchdog = alert["alert"] == "MLWatchdog"
    assert alert["labels"]["severity"] in (("none",) if watchdog else ("critical", "warning", "info"))
    texts = alert["annotations"]
    assert texts["summary"].endswith(".")
    assert "{{" not in texts["summary"]
    assert texts["first_step"].endswith(".")
    if not watchdog:
        assert any(f"$labels.{name}" in texts["description"] for name in ("model", "instance", "pipeline"))
    assert texts["runbook_url"].endswith(f"/{alert['alert']}.md")
    assert "$value" not in str(alert["labels"])


@pytest.mark.parametrize("alert", ALERTS, ids=name_of)
def test_a_runbook_helps(alert: dict[str, Any], tmp_path: Path) -> None:
    path = ROOT / "docs/runbooks" / f"{alert['alert']}.md"
    text = path.read_text()
    assert text.startswith(f"# {alert['alert']}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Meaning", "Impact", "Diagnosis", "Action", "Tuning"]
    queries = re.findall(r"```promql\n(.*?)```", text, re.DOTALL)
    rules = [{"record": f"check:query:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", "--lint=none", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_runbook_has_its_alert() -> None:
    runbooks = {path.stem for path in (ROOT / "docs/runbooks").glob("*.md")}
    assert runbooks == {alert["alert"] for alert in ALERTS}
