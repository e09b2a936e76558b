"""The dashboards: generated as committed, as Grafana 9.4 reads them, free of lint, about series that exist."""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml_exporter.app.catalogue import catalogue
from ml_exporter.core.metrics import Kind
from ml_exporter.retrain.metrics import Metrics
from support.rules import ALERTS, RULES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "grafana/dashboards"
BOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
UIDS = sorted(BOARDS)
FROM_ALERTS = {alert.dashboard for alert in ALERTS.values()}

PANELS = {"barchart", "bargauge", "heatmap", "row", "stat", "state-timeline", "table", "timeseries"}
TRANSFORMATIONS = {"groupingToMatrix", "merge", "organize", "sortBy"}
UNITS = {
    *("Bps", "bytes", "celsius", "cps", "dateTimeFromNow", "hertz", "none", "percentunit", "reqps", "s", "short"),
    *("string", "watt"),
}
FILLED = {
    "__rate_interval": "1m",
    "__range": "1h",
    "__interval": "1m",
    "window": "1h",
    "cpu_price": "0.04",
    "memory_price": "0.005",
}

OWN = {"ALERTS", "ALERTS_FOR_STATE", "up", "scrape_duration_seconds", "scrape_samples_scraped"}
"""Series that Prometheus makes itself."""
OF_PROMETHEUS = {"prometheus_rule_group_last_duration_seconds": {"rule_group"}}
ADDED = {
    "job",
    "instance",
    "window",
    "champion",
    "check",
    "measure",
    "of",
    "past",
    "le",
    "alertname",
    "alertstate",
    "severity",
}
"""Labels of targets, of recorded series and of alerts."""


def panels(uid: str) -> Iterator[dict[str, Any]]:
    for outer in BOARDS[uid]["panels"]:
        yield from (each for each in (outer, *outer.get("panels", ())) if each["type"] != "row")


def expressions(uid: str) -> Iterator[str]:
    for panel in panels(uid):
        yield from (target["expr"] for target in panel["targets"])
    yield from (annotation["expr"] for annotation in BOARDS[uid]["annotations"]["list"])
    for variable in BOARDS[uid]["templating"]["list"]:
        if variable["type"] == "query":
            query = variable["definition"]
            yield re.sub(r"^label_values\((.*), \w+\)$|^query_result\((.*)\)$", r"\1\2", query)


def known() -> dict[str, set[str]]:
    """Return every series with its labels."""
    found: dict[str, set[str]] = {
        name: ADDED | {"model", "version", "owner", "reason"} for name in OWN
    } | OF_PROMETHEUS
    for metric in [*catalogue(), *Metrics.metrics]:
        parts = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        found |= {metric.name + part: {*metric.labels, "job", "instance", "le"} for part in parts}
    for path in RULES.glob("*.yml"):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                if "record" in rule:
                    found[rule["record"]] = {*rule["record"].split(":")[0].split("_"), *ADDED, "owner"}
    return found | {"ml:performance_floor:threshold": set()}


KNOWN = known()


def generated() -> dict[Path, str]:
    """Return what the definitions give, without ``grafana`` becoming a module beside this folder's name."""
    sys.path.insert(0, str(ROOT / "grafana"))
    spec = importlib.util.spec_from_file_location("generate_dashboards", ROOT / "grafana/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    files: dict[Path, str] = module.files()
    return files


def test_the_files_are_those_that_the_definitions_give() -> None:
    files = generated()
    for path, text in files.items():
        assert path.read_text() == text, f"{path.name}: run make dashboards"
    assert set(FOLDER.glob("*.json")) == set(files)


def test_alerts_open_dashboards_that_exist_with_variables_that_they_have() -> None:
    assert set(UIDS) >= FROM_ALERTS
    for uid in FROM_ALERTS - {"ml-fleet"}:
        names = {variable["name"] for variable in BOARDS[uid]["templating"]["list"]}
        assert ("instance" if uid == "ml-exporter" else "model") in names, uid


@pytest.mark.parametrize("uid", UIDS)
def test_the_document_is_one_that_every_grafana_from_9_4_on_reads(uid: str) -> None:
    board = BOARDS[uid]
    assert (board["uid"], board["id"], board["schemaVersion"]) == (uid, None, 37)
    assert board["editable"] is False
    assert board["description"].endswith(".")
    every = [each for outer in board["panels"] for each in (outer, *outer.get("panels", ()))]
    assert sorted(each["id"] for each in every) == list(range(1, len(every) + 1))
    for panel in every:
        assert panel["type"] in PANELS, panel["title"]
        assert {each["id"] for each in panel.get("transformations", ())} <= TRANSFORMATIONS, panel["title"]
        if panel["type"] == "table":
            # Without it the migration to schema 38 leaves the colours of cells behind.
            assert "custom" in panel["fieldConfig"]["defaults"], panel["title"]
            assert "cellOptions" not in json.dumps(panel), panel["title"]


@pytest.mark.parametrize("uid", UIDS)
def test_panels_do_not_overlap_and_fill_the_width(uid: str) -> None:
    open_panels = [panel for panel in BOARDS[uid]["panels"] if panel["type"] != "row"]
    for group in (open_panels, *(panel["panels"] for panel in BOARDS[uid]["panels"] if panel["type"] == "row")):
        cells = [
            (x, y)
            for position in (panel["gridPos"] for panel in group)
            for x in range(position["x"], position["x"] + position["w"])
            for y in range(position["y"], position["y"] + position["h"])
        ]
        assert len(cells) == len(set(cells))
        assert {x for x, _ in cells} == set(range(24))
    rows = [panel["gridPos"]["y"] for panel in BOARDS[uid]["panels"] if panel["type"] == "row"]
    assert rows == list(range(rows[0], rows[0] + len(rows))) if rows else True


@pytest.mark.parametrize("uid", UIDS)
def test_the_linter_would_find_nothing(uid: str) -> None:
    variables = BOARDS[uid]["templating"]["list"]
    sources = [(each["name"], each["label"], each["query"]) for each in variables if each["type"] == "datasource"]
    assert sources == [("datasource", "Data source", "prometheus")]
    assert all(each["refresh"] == 2 for each in variables if each["type"] == "query")
    source = {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels(uid):
        title = panel["title"]
        assert panel["description"].endswith("."), title
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, title
        assert panel["fieldConfig"]["defaults"]["noValue"], title
        assert panel["targets"], title
        for target in (panel, *panel["targets"]):
            assert target["datasource"] == source, title
        if panel["type"] in ("timeseries", "stat", "bargauge", "state-timeline"):
            assert all(target["legendFormat"] for target in panel["targets"]), title
    for expression in expressions(uid):
        assert all(each == "$__rate_interval" for each in re.findall(r"\brate\([^[]*\[([^]]*)\]", expression))
        for counter in re.finditer(r"\b\w+_total\b(?:\{[^}]*\})?(.)", expression):
            assert counter[1] == "[", expression


@pytest.mark.parametrize("uid", UIDS)
def test_variables_are_declared_and_used(uid: str) -> None:
    declared = {variable["name"] for variable in BOARDS[uid]["templating"]["list"]}
    text = json.dumps(BOARDS[uid])
    used = set(re.findall(r"\$\{?([a-z_]+)", text)) - {each for each in FILLED if each.startswith("__")}
    assert used - {"__all", "__data", "__field", "__all_variables", "__url_time_range"} == declared


@pytest.mark.parametrize("uid", UIDS)
def test_every_series_and_label_exists(uid: str) -> None:
    for expression in expressions(uid):
        for name, matchers in re.findall(
            r"\b((?:[a-z][a-z_0-9]*:)+[a-z_0-9]+|ml_\w+|ALERTS\w*)\b(\{[^}]*\})?", _bare(expression)
        ):
            assert name in KNOWN, f"{name} in {expression}"
            assert set(re.findall(r"(\w+)[!=]", matchers)) <= KNOWN[name], f"{name}{matchers}"
        for pattern in re.findall(r'__name__=~"([^"]*)"', expression):
            assert any(re.fullmatch(pattern, name) for name in KNOWN), pattern


def _bare(expression: str) -> str:
    """Return an expression without what stands in quotation marks."""
    return re.sub(r'"[^"]*"|\'[^\']*\'', '""', expression)


@pytest.mark.parametrize("uid", UIDS)
def test_no_gauge_of_replicas_is_averaged(uid: str) -> None:
    assert not [each for each in expressions(uid) if re.search(r"\bavg\b|\bquantile\b", each)]


@pytest.mark.parametrize("uid", UIDS)
def test_links_lead_to_dashboards_and_keep_source_and_time(uid: str) -> None:
    (header,) = BOARDS[uid]["links"]
    assert (header["type"], header["keepTime"], header["includeVars"]) == ("dashboards", True, True)
    assert set(header["tags"]) <= set(BOARDS[uid]["tags"])
    for target, query in re.findall(r'"url": "/d/([^?]*)\?([^"]*)"', json.dumps(BOARDS[uid])):
        assert target in BOARDS, target
        assert "${__all_variables}" in query or "${datasource:queryparam}" in query
        assert "${__url_time_range}" in query
        names = {variable["name"] for variable in BOARDS[target]["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", query)) <= names, f"{uid} to {target}"
    for panel in panels(uid):
        queries = " ".join(target["expr"] for target in panel["targets"])
        grouped = {label for labels in re.findall(r"by \(([\w, ]+)\)", queries) for label in labels.split(", ")}
        for column in re.findall(r"__data\.fields\.(\w+)", json.dumps(panel)):
            assert column in grouped, f"{panel['title']}: no column {column} to link with"


@pytest.mark.parametrize("uid", UIDS)
def test_a_colour_means_the_same_everywhere(uid: str) -> None:
    """Baselines are grey and dashed, thresholds red and dashed, and what is not there is grey, not green."""
    for panel in panels(uid):
        shown = {each["matcher"]["options"]: each["properties"] for each in panel["fieldConfig"]["overrides"]}
        for target in panel["targets"] if panel["type"] == "timeseries" else ():
            styled = {each["id"]: each["value"] for each in shown.get(target["refId"], ())}
            legend = target["legendFormat"]
            for word, colour in (("baseline", "#808080"), ("threshold", "red")):
                if legend.startswith(word):
                    assert styled["color"]["fixedColor"] == colour, f"{panel['title']}: {legend}"
                    assert styled["custom.lineStyle"]["fill"] == "dash", f"{panel['title']}: {legend}"
        coloured = [each for each in shown.values() if any(one["id"] == "thresholds" for one in each)]
        mappings = [one["value"] for each in coloured for one in each if one["id"] == "mappings"]
        if panel["type"] in ("stat", "bargauge", "state-timeline"):
            mappings.append(panel["fieldConfig"]["defaults"]["mappings"])
        for mapping in mappings:
            absent = mapping[0]["options"]
            assert (absent["match"], absent["result"]["color"]) == ("null+nan", "#808080"), panel["title"]


def test_prometheus_parses_every_expression(tmp_path: Path) -> None:
    rules = []
    for uid in UIDS:
        for number, expression in enumerate(expressions(uid)):
            for name in sorted(FILLED, key=len, reverse=True):
                expression = expression.replace(f"${name}", FILLED[name])
            record = f"{uid.replace('-', '_')}:{number}:parsed"
            rules.append({"record": record, "expr": expression})
    file = tmp_path / "expressions.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", "--lint=none", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_provisioning_names_the_sources_and_the_folder() -> None:
    folder = ROOT / "grafana/provisioning"
    sources = yaml.safe_load((folder / "datasources/ml-exporter.yml").read_text())["datasources"]
    assert [(source["uid"], source["type"]) for source in sources] == [
        ("prometheus", "prometheus"),
        ("alertmanager", "alertmanager"),
    ]
    (provider,) = yaml.safe_load((folder / "dashboards/ml-exporter.yml").read_text())["providers"]
    assert provider["options"]["path"] == "/etc/grafana/dashboards"


def test_lint_exclusions_have_reasons() -> None:
    exclusions = yaml.safe_load((FOLDER / ".lint").read_text())["exclusions"]
    assert all(each["reason"].endswith(".") for each in exclusions.values())
