"""thresholds.yml: the file that people edit. A wrong line is told with what is allowed."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from ml_exporter.sums.traffic import LATENCY_BUCKETS
from support.rules import RULES, THRESHOLDS, Threshold, defaults

BY_SERIES = {threshold.series: threshold for threshold in THRESHOLDS}
WINDOWS = ("5m", "1h", "24h")
NO_DEFAULT = {"performance_floor"}


def problems(text: str) -> list[str]:
    """Return in sentences what is wrong with a threshold file."""
    found: list[str] = []
    seen: set[tuple[Any, ...]] = set()
    lines: list[tuple[str, dict[str, str]]] = []
    for rule in [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]:
        name, labels = rule.get("record", ""), rule.get("labels", {})
        key = (name, *sorted(labels.items()))
        lines.append((name, labels))
        if key in seen:
            found.append(f"{name} {labels}: stands twice")
        seen.add(key)
        if name in ("ml:links:info", "ml:rules:info"):
            continue
        if name in ("ml:drift:window", "ml:performance:window"):
            if labels.get("window") not in WINDOWS or rule["expr"] != "vector(1)":
                found.append(f"{name}: wants vector(1) and a label window, one of {', '.join(WINDOWS)}")
            continue
        if name not in BY_SERIES:
            found.append(f"{name}: there is no such threshold; there are {', '.join(sorted(BY_SERIES))}")
            continue
        found += wrong_labels(BY_SERIES[name], labels) + wrong_value(BY_SERIES[name], labels, rule["expr"])
    named = [labels.get("model", "") for record, labels in lines if record == "ml:latency_objective:threshold"]
    if len(set(named)) < len(named) or "" not in named:
        found.append("ml:latency_objective:threshold: wants one line for each model and one for all others")
    for threshold in THRESHOLDS:
        wanted = [(threshold.series, *kind) for kind in wanted_lines(threshold)]
        if threshold.name not in NO_DEFAULT:
            found += [
                f"{key[0]}: has no default {dict(key[1:]) or ''}".rstrip() for key in wanted if key not in seen
            ]
    return found


def wanted_lines(threshold: Threshold) -> list[tuple[tuple[str, str], ...]]:
    """Return the labels of each default that must be there; of a latency objective any one."""
    if threshold.name == "latency_objective":
        return []
    return [((label, value),) for label, values in threshold.kinds for value in values] or [()]


def wrong_labels(threshold: Threshold, labels: dict[str, str]) -> list[str]:
    kinds = dict(threshold.kinds)
    found = [
        f"{threshold.series}: label {label} is not known;"
        f" allowed are {', '.join([*kinds, *threshold.scope]) or 'none'}"
        for label in labels
        if label not in kinds and label not in threshold.scope
    ]
    for label, values in kinds.items():
        if labels.get(label) not in values:
            found.append(f"{threshold.series}: wants a label {label}, one of {', '.join(values)}")
    if "version" in labels and "model" not in labels:
        found.append(f"{threshold.series}: a version is named without its model")
    return found


def wrong_value(threshold: Threshold, labels: dict[str, str], expr: object) -> list[str]:
    value = re.fullmatch(r"vector\(\+?([0-9.eE+-]+|[Ii]nf)\)", str(expr))
    if value is None:
        return [f"{threshold.series} {labels}: {expr} is no vector(number)"]
    number = float(value[1])
    if number == threshold.silent or threshold.lowest <= number <= threshold.highest:
        return []
    silent = "" if threshold.silent is None else f", nor is it {threshold.silent:+g}, which silences"
    return [
        f"{threshold.series} {labels}: {number:g} does not lie between {threshold.lowest:g} and"
        f" {threshold.highest:g}{silent}"
    ]


SHIPPED = (RULES / "thresholds.yml").read_text()


def test_the_thresholds_are_right() -> None:
    found = problems(SHIPPED)
    assert not found, "\n".join(["prometheus/rules/thresholds.yml:", *found])


def test_the_defaults_are_those_of_the_definitions() -> None:
    """A team may set others: then this is a skip that names them."""
    known = {json.dumps(yaml.safe_load(line)) for threshold in THRESHOLDS for line in threshold.lines()}
    rules = [rule for group in yaml.safe_load(SHIPPED)["groups"] for rule in group["rules"]]
    named = [rule for rule in rules if rule["record"] in BY_SERIES]
    others = sorted({rule["record"] for rule in named if json.dumps(rule) not in known})
    missing = known - {json.dumps(rule) for rule in named}
    if others or missing:
        pytest.skip(f"thresholds.yml differs from the defaults in {', '.join(others) or sorted(missing)}")


BASE = defaults("24h")
LINE = '      - {{record: "{0}", labels: {{{1}}}, expr: {2}}}\n'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (LINE.format("ml:feature_drift_psi:threshold", "model: m, feature: temp", "vector(0.4)"), []),
        (LINE.format("ml:feature_drift_psi:threshold", "model: m", "vector(+Inf)"), []),
        (
            LINE.format("ml:feature_drift:threshold", "model: m", "vector(0.4)"),
            [f"ml:feature_drift:threshold: there is no such threshold; there are {', '.join(sorted(BY_SERIES))}"],
        ),
        (
            LINE.format("ml:feature_drift_psi:threshold", "modell: m", "vector(0.4)"),
            ["ml:feature_drift_psi:threshold: label modell is not known; allowed are model, version, feature"],
        ),
        (
            LINE.format("ml:feature_drift_psi:threshold", 'version: "2"', "vector(0.4)"),
            ["ml:feature_drift_psi:threshold: a version is named without its model"],
        ),
        (
            LINE.format("ml:feature_missing:threshold", "model: m", "vector(10)"),
            [
                "ml:feature_missing:threshold {'model': 'm'}: 10 does not lie between 0 and 1,"
                " nor is it +inf, which silences"
            ],
        ),
        (
            LINE.format("ml:error_objective:threshold", "model: m", "vector(+Inf)"),
            [
                "ml:error_objective:threshold {'model': 'm'}: inf does not lie between 0.94 and 0.99999,"
                " nor is it +0, which silences"
            ],
        ),
        (LINE.format("ml:label_coverage:threshold", "model: m", "vector(0)"), []),
        (
            LINE.format("ml:performance_floor:threshold", "model: m, measure: r2", "vector(+Inf)"),
            ["ml:performance_floor:threshold {'model': 'm', 'measure': 'r2'}: inf does not lie between 0 and 1"],
        ),
        (
            LINE.format("ml:latency_objective:threshold", 'le: "1.0"', "vector(0.99)"),
            ["ml:latency_objective:threshold: wants one line for each model and one for all others"],
        ),
        (
            LINE.format("ml:feature_missing:threshold", "model: m", "0.1"),
            ["ml:feature_missing:threshold {'model': 'm'}: 0.1 is no vector(number)"],
        ),
        (
            LINE.format("ml:performance_drop:threshold", "model: m, measure: auc", "vector(0.1)"),
            ["ml:performance_drop:threshold: wants a label measure, one of accuracy, roc_auc, mae"],
        ),
        (
            LINE.format("ml:latency_objective:threshold", 'model: m, le: "0.3"', "vector(0.95)"),
            [
                "ml:latency_objective:threshold: wants a label le, one of 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,"
                " 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0"
            ],
        ),
        (
            LINE.format("ml:drift:window", "window: 2h", "vector(1)"),
            ["ml:drift:window: wants vector(1) and a label window, one of 5m, 1h, 24h"],
        ),
        (
            '      - {record: "ml:feature_missing:threshold", expr: vector(0.2)}\n',
            ["ml:feature_missing:threshold {}: stands twice"],
        ),
    ],
)
def test_a_wrong_line_is_told(line: str, told: list[str]) -> None:
    assert problems(BASE + line) == told


def test_a_missing_default_is_told() -> None:
    text = re.sub(r'.*"ml:server_cpu:threshold".*\n', "", BASE)
    assert problems(text) == ["ml:server_cpu:threshold: has no default"]


def test_a_latency_objective_names_a_bucket_of_the_histogram() -> None:
    ((_, values),) = BY_SERIES["ml:latency_objective:threshold"].kinds
    assert [float(value) for value in values] == list(LATENCY_BUCKETS)


def test_the_page_of_tuning_says_what_silences_each_that_plus_inf_does_not() -> None:
    page = (RULES.parents[1] / "docs/tuning.md").read_text()
    table = page.partition("| threshold | silenced by |")[2].partition("\n\n")[0]
    told = {
        name: cells[2].strip()
        for cells in (line.split("|") for line in table.splitlines() if line.startswith("| `ml:"))
        for name in re.findall(r"`(ml:\w+:threshold)`", cells[1])
    }
    silent = {each.series: each.silent for each in THRESHOLDS if each.silent != float("inf")}
    assert told.keys() == silent.keys()
    for series, value in silent.items():
        assert told[series].startswith("leave the line out" if value is None else f"`vector({value:g})`")
