"""Rules under promtool: a made-up fleet that is healthy but for what a case changes."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "prometheus"))

from definitions import FAMILIES, THRESHOLDS, Threshold  # noqa: E402, F401
from definitions.rule import Alert  # noqa: E402

RULES = ROOT / "prometheus/rules"
RUNBOOKS: Final = "https://runbooks.example.org"
DASHBOARDS: Final = "https://grafana.example.org/d"
ALERTS: dict[tuple[str, str], Alert] = {
    (alert.name, alert.labels.get("long", "")): alert for family in FAMILIES for alert in family.alerts
}

FRUGAL: Final = {**os.environ, "GOMAXPROCS": "1", "GOGC": "800"}
"""One processor, and garbage collected late: promtool then takes a quarter less time."""

BUDGETS: Final = ("30m", "2h", "6h", "3d")
"""Windows that nothing but the burning of budgets is told over."""

Segments = list[tuple[int, float]]
"""Stretches of minutes with, for a counter, its increase each minute, for a gauge its value; NaN: it is gone."""

GONE: Final = math.nan

BINS = ("[0, 1)", "[1, 2)", "[2, 3)", "[3, 4)", "other", "missing")
FEATURES = ("temp", "wind", "hour", "carrier")


@dataclass
class Fleet:
    """Series of models with two replicas each."""

    minutes: int
    series: dict[str, tuple[bool, Segments]] = field(default_factory=dict)

    def gauge(self, name: str, value: float | Segments, **labels: str) -> None:
        """Set a gauge."""
        self.series[_key(name, labels)] = (False, value if isinstance(value, list) else [(self.minutes, value)])

    def counter(self, name: str, rate: float | Segments, **labels: str) -> None:
        """Set a counter by how much it grows each minute."""
        self.series[_key(name, labels)] = (True, rate if isinstance(rate, list) else [(self.minutes, rate)])

    def remove(self, model: str, *names: str) -> None:
        """Leave out the series of some names that a model's replicas have."""
        for key in list(self.series):
            if key.partition("{")[0] in names and f'instance="{model}-' in key:
                del self.series[key]

    def as_yaml(self) -> list[dict[str, str]]:
        """Return the series as promtool reads them."""
        return [
            {"series": key, "values": _values(segments, self.minutes, is_counter)}
            for key, (is_counter, segments) in self.series.items()
        ]


def _key(name: str, labels: Mapping[str, str]) -> str:
    return f"{name}{{{', '.join(f'{label}={chr(34)}{value}{chr(34)}' for label, value in labels.items())}}}"


def _values(segments: Segments, minutes: int, is_counter: bool) -> str:
    parts, total, left = [], 0.0, minutes
    for number, (asked, value) in enumerate(segments):
        length = left if number == len(segments) - 1 else min(asked, left)
        if length <= 0:
            break
        if math.isnan(value):
            parts.append(f"stale _x{length - 1}")
        elif is_counter:
            parts.append(f"{total:.12g}+{value:g}x{length - 1}")
            total += value * length
        else:
            parts.append(f"{value:g}x{length - 1}")
        left -= length
    return " ".join(parts)


def place(model: str, replica: str, version: str = "1") -> dict[str, str]:
    """Return the labels of a replica's series about a model."""
    return {"job": "ml", "instance": f"{model}-{replica}", "model": model, "version": version}


def healthy(minutes: int, models: Iterable[str]) -> Fleet:
    """Return a fleet in which nothing is wrong: 20 predictions a minute and replica, half of them labelled."""
    fleet = Fleet(minutes)
    for model in models:
        for replica in ("a", "b"):
            add_replica(fleet, model, replica)
    return fleet


def add_replica(fleet: Fleet, model: str, replica: str, version: str = "1") -> None:
    """Add the series of a healthy replica."""
    of = place(model, replica, version)
    there = {"job": "ml", "instance": of["instance"]}
    fleet.gauge("up", 1, **there)
    fleet.gauge("ml_exporter_build_info", 1, **there, version="0.1.0")
    fleet.gauge("ml_model_info", 1, **of, owner="team", task="binary_classification", baseline="b1")
    fleet.gauge("ml_model_configured_info", 1, **of)
    fleet.gauge("ml_minimum_samples", 100, **of)
    fleet.gauge("ml_baseline_rows", 10_000, **of)
    fleet.gauge("ml_window_start_timestamp_seconds", -400, **of, window="5m")
    fleet.counter("ml_predictions_total", 20, **of)
    fleet.counter("ml_prediction_errors_total", 0.02, **of)
    fleet.counter("ml_prediction_latency_seconds_count", 20, **of)
    fleet.counter("ml_prediction_latency_seconds_sum", 2, **of)
    for bound, rate in (("0.1", 19.9), ("0.25", 19.9), ("0.5", 19.98), ("1.0", 20), ("+Inf", 20)):
        fleet.counter("ml_prediction_latency_seconds_bucket", rate, **of, le=bound)
    fleet.series[_key("ml_prediction_last_timestamp_seconds", of)] = (True, [(fleet.minutes, 60)])
    _labels(fleet, of)
    fleet.gauge("ml_repeated_rows_per_prediction", 0.02, **of, window="5m")
    fleet.gauge("ml_baseline_repeated_rows_per_prediction", 0.0, **of, window="5m")
    for feature in FEATURES:
        _feature(fleet, of, feature)
    for number, outcome in enumerate(BINS):
        share = (0.25, 0.25, 0.25, 0.25, 0, 0)[number]
        fleet.counter("ml_prediction_bin_total", 20 * share, **of, bin=outcome)
        fleet.gauge("ml_baseline_prediction_bin_ratio", share, **of, bin=outcome)
    fleet.gauge("ml_baseline_prediction_drift_psi_noise_scale", 20, **of)
    _performance(fleet, of)
    _server(fleet, there)
    _exporter(fleet, there)
    if replica == "a":
        _pipeline(fleet, {**there, "pipeline": f"{model}-train"})


def _labels(fleet: Fleet, of: dict[str, str]) -> None:
    fleet.counter("ml_label_delay_seconds_count", 10, **of)
    fleet.counter("ml_label_delay_seconds_sum", 100, **of)
    for bound in ("10.0", "60.0", "+Inf"):
        fleet.counter("ml_label_delay_seconds_bucket", 10, **of, le=bound)
    fleet.series[_key("ml_label_last_timestamp_seconds", of)] = (True, [(fleet.minutes, 60)])


def _feature(fleet: Fleet, of: dict[str, str], feature: str) -> None:
    for number, name in enumerate(BINS):
        share = (0.25, 0.25, 0.25, 0.25, 0, 0)[number]
        fleet.counter("ml_feature_bin_total", 20 * share, **of, feature=feature, bin=name)
        fleet.gauge("ml_baseline_feature_bin_ratio", share, **of, feature=feature, bin=name)
    fleet.gauge("ml_baseline_feature_drift_psi_noise_scale", 20, **of, feature=feature)
    for check in ("missing", "absent", "type_error", "nonfinite", "out_of_range", "unseen"):
        fleet.counter(f"ml_feature_{check}_total", 0.02, **of, feature=feature)
        fleet.gauge(f"ml_baseline_feature_{check}_ratio", 0.001, **of, feature=feature)
    fleet.counter("ml_feature_outlier_total", 0.16, **of, feature=feature)
    fleet.gauge("ml_baseline_feature_outlier_ratio", 0.008, **of, feature=feature)


def _performance(fleet: Fleet, of: dict[str, str]) -> None:
    # Nine of ten right; scores of the positive class are high.
    for true, predicted, rate in (("0", "0", 5.4), ("0", "1", 0.6), ("1", "0", 0.4), ("1", "1", 3.6)):
        fleet.counter("ml_confusion_total", rate, **of, **{"class": true}, predicted=predicted)
    for bin_, negatives, positives, below in (("[0, 0.5)", 5.4, 0.4, 2.7), ("[0.5, 1]", 0.6, 3.6, 5.7)):
        fleet.counter("ml_score_bin_total", negatives, **of, **{"class": "0"}, bin=bin_)
        fleet.counter("ml_score_bin_total", positives, **of, **{"class": "1"}, bin=bin_)
        fleet.counter("ml_score_below_total", below, **of, **{"class": "0"}, bin=bin_)
        above = 4.0 if bin_.startswith("[0,") else positives
        fleet.counter("ml_score_above_total", above, **of, **{"class": "1"}, bin=bin_)
    fleet.counter("ml_outcome_scored_total", 10, **of)
    fleet.counter("ml_outcome_log_loss_total", 3, **of)
    fleet.counter("ml_outcome_squared_error_total", 1, **of)
    _estimation(fleet, of)
    for measure, value in (("accuracy", 0.9), ("constant_accuracy", 0.6), ("roc_auc", 0.9), ("samples", 10_000)):
        fleet.gauge(f"ml_baseline_performance_{measure}", value, **of)


def _estimation(fleet: Fleet, of: dict[str, str]) -> None:
    # What scores promise of all twenty predictions is what labels say of ten.
    for true, predicted, rate in (("0", "0", 10.8), ("0", "1", 1.2), ("1", "0", 0.8), ("1", "1", 7.2)):
        fleet.counter("ml_estimated_confusion_total", rate, **of, **{"class": true}, predicted=predicted)
    for bin_, negatives, positives, below in (("[0, 0.5)", 10.8, 0.8, 5.4), ("[0.5, 1]", 1.2, 7.2, 11.4)):
        fleet.counter("ml_estimated_score_bin_total", negatives, **of, **{"class": "0"}, bin=bin_)
        fleet.counter("ml_estimated_score_bin_total", positives, **of, **{"class": "1"}, bin=bin_)
        fleet.counter("ml_estimated_score_below_total", below, **of, **{"class": "0"}, bin=bin_)
    for part, rate in (("outcomes", 10), ("correct", 9), ("expected_correct", 9), ("variance", 0.8)):
        fleet.counter(f"ml_estimate_{part}_total", rate, **of)
    for measure in ("accuracy", "roc_auc"):
        fleet.gauge(f"ml_baseline_estimated_performance_{measure}", 0.9, **of)


def _server(fleet: Fleet, there: dict[str, str]) -> None:
    fleet.gauge("ml_server_up", 1, **there)
    fleet.gauge("ml_server_resident_memory_bytes", 5e8, **there)
    fleet.gauge("ml_server_memory_limit_bytes", 1e9, **there)
    fleet.counter("ml_server_cpu_seconds_total", 30, **there)
    fleet.gauge("ml_server_cpu_limit_cores", 1, **there)
    fleet.gauge("ml_server_health_up", 1, **there)
    for result, rate in (("healthy", 6), ("status", 0), ("timeout", 0)):
        fleet.counter("ml_server_health_probes_total", rate, **there, result=result)
    fleet.counter("ml_server_cpu_periods_total", 600, **there)
    fleet.counter("ml_server_cpu_throttled_periods_total", 6, **there)
    fleet.counter("ml_server_restarts_total", 0, **there)
    fleet.counter("ml_server_oom_kills_total", 0, **there)
    fleet.gauge("ml_server_fds_used_ratio", 0.1, **there)
    fleet.gauge("ml_server_filesystem_size_bytes", 1e11, **there)
    fleet.gauge("ml_server_filesystem_available_bytes", 5e10, **there)
    for gpu in "01":
        _gpu(fleet, {**there, "gpu": gpu})


def _gpu(fleet: Fleet, of: dict[str, str]) -> None:
    """Add a GPU; the server uses the first one."""
    fleet.gauge("ml_exporter_collector_success", 1, job=of["job"], instance=of["instance"], collector="gpu")
    fleet.gauge("ml_gpu_up", 1, **of)
    fleet.gauge("ml_gpu_memory_used_bytes", 6e10, **of)
    fleet.gauge("ml_gpu_memory_total_bytes", 8e10, **of)
    for reason in ("gpu_idle", "sw_power_cap", "sw_thermal_slowdown", "hw_power_brake_slowdown"):
        fleet.gauge("ml_gpu_clocks_event_active", float(reason == "sw_power_cap"), **of, reason=reason)
    fleet.counter("ml_gpu_ecc_errors_total", 0, **of, error="uncorrected")
    fleet.counter("ml_gpu_ecc_errors_total", 1, **of, error="corrected")
    if of["gpu"] == "0":
        fleet.gauge("ml_gpu_server_memory_bytes", 5e10, **of)


def _pipeline(fleet: Fleet, of: dict[str, str]) -> None:
    """Add a pipeline that succeeds every minute; every ten are expected."""
    fleet.gauge("ml_pipeline_known_timestamp_seconds", 0, **of)
    fleet.gauge("ml_pipeline_interval_seconds", 600, **of)
    for what in ("start", "end", "success"):
        fleet.series[_key(f"ml_pipeline_last_{what}_timestamp_seconds", of)] = (True, [(fleet.minutes, 60)])


def _exporter(fleet: Fleet, there: dict[str, str]) -> None:
    fleet.counter("ml_exporter_events_accepted_total", 30, **there, event="prediction")
    fleet.counter("ml_exporter_events_lost_total", 0, **there, reason="queue_full")
    fleet.gauge("ml_exporter_queue_events", 10, **there)
    fleet.gauge("ml_exporter_queue_capacity_events", 1000, **there)
    fleet.gauge("ml_exporter_queue_bytes", 10, **there)
    fleet.gauge("ml_exporter_queue_capacity_bytes", 1000, **there)
    fleet.gauge("ml_exporter_checkpoint_successful", 1, **there)
    fleet.gauge("ml_exporter_config_last_reload_successful", 1, **there)
    fleet.gauge("scrape_duration_seconds", 0.05, **there)
    fleet.gauge("ml_exporter_collector_success", 1, **there, collector="psi")
    fleet.series[_key("ml_exporter_snapshot_timestamp_seconds", there)] = (True, [(fleet.minutes, 60)])


def defaults(window: str, more: str = "") -> str:
    """Return a threshold file with the defaults, drift and performance over ``window``, and ``more`` lines.

    It is not the file that people edit: what alerts do is shown for known numbers, whatever a team has set.
    """
    lines = [
        '{record: "ml:links:info", expr: vector(1),'
        f' labels: {{runbooks: "{RUNBOOKS}", dashboards: "{DASHBOARDS}"}}}}',
        *(
            f'{{record: "ml:{what}:window", labels: {{window: {window}}}, expr: vector(1)}}'
            for what in ("drift", "performance")
        ),
        *(line for threshold in THRESHOLDS for line in threshold.lines()),
    ]
    rules = "".join(f"      - {line}\n" for line in lines)
    return f"groups:\n  - name: ml-thresholds\n    rules:\n{rules}{more}"


def rules_for(names: Collection[str], thresholds: str, without: Collection[str] = ()) -> dict[str, Any]:
    """Return the shipped rules that some rest on, those of these names too, but not those over ``without``.

    ``names`` are those of alerts and recorded series, ``without`` are windows.
    """
    groups = [*_groups(thresholds), *(group for family in FAMILIES for group in _shipped(family.key))]
    rules = [rule for group in groups for rule in group["rules"]]
    wanted: set[str] = set()
    waiting = [rule for rule in rules if {rule.get("record"), rule.get("alert")} & set(names)]
    while waiting:
        rule = waiting.pop()
        named = set(re.findall(r"\w+(?::\w+)+", " ".join([rule["expr"], *rule.get("annotations", {}).values()])))
        waiting += [rule for rule in rules if rule.get("record") in named - wanted]
        wanted |= named
    kept = []
    for group in groups:
        some = [rule for rule in group["rules"] if {rule.get("record"), rule.get("alert")} & {*names, *wanted}]
        some = [rule for rule in some if rule.get("labels", {}).get("window") not in without]
        if some:
            kept.append({**group, "rules": some})
    return {"groups": kept}


@cache
def _shipped(key: str) -> list[dict[str, Any]]:
    return _groups((RULES / f"{key}.yml").read_text())


def _groups(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.load(text, yaml.CSafeLoader)["groups"]
    return found


def run(
    folder: Path,
    name: str | Collection[str],
    series: list[dict[str, str]],
    tests: dict[str, Any],
    more: str = "",
    without: Collection[str] = (),
    **timing: str,
) -> None:
    """Run promtool over the rules that alerts or recorded series rest on; fail with what it says.

    Series that neither the rules nor the tests name, and rules over the windows ``without``, are left out.
    """
    rules = rules_for([name] if isinstance(name, str) else name, defaults("1h", more), without)
    asked = json.dumps([rules, tests])
    series = [one for one in series if re.search(rf"\b{one['series'].partition('{')[0]}\b", asked)]
    (folder / "rules.yml").write_text(json.dumps(rules))  # every document of JSON is one of YAML
    document = {
        "rule_files": ["rules.yml"],
        "group_eval_order": [group["name"] for group in rules["groups"]],
        "evaluation_interval": timing.get("evaluation", "1m"),
        "tests": [{"interval": timing.get("interval", "1m"), "input_series": series, **tests}],
    }
    path = folder / "alert.test.yml"
    path.write_text(json.dumps(document))
    command = [timing.get("promtool", "promtool"), "test", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env=FRUGAL)
    assert done.returncode == 0, (done.stdout + done.stderr)[:6_000]


def annotations(
    alert: Alert, description: str, labels: Mapping[str, str], more: Mapping[str, str]
) -> dict[str, str]:
    """Return what an alert's annotations must be."""
    names = ("instance",) if alert.dashboard == "ml-exporter" else ("model", "version", "feature")
    variables = "?orgId=1" + "".join(f"&var-{name}={labels[name]}" for name in names if name in labels)
    first_step = alert.first_step
    for name in ("feature", "collector"):
        first_step = first_step.replace(f"{{{{ $labels.{name} }}}}", labels.get(name, ""))
    return {
        "summary": alert.summary,
        "description": description,
        "first_step": first_step,
        **dict.fromkeys(alert.more, ""),
        **more,
        "runbook_url": f"{RUNBOOKS}/{alert.name}.md",
        "dashboard_url": f"{DASHBOARDS}/{alert.dashboard}{variables}",
    }


@dataclass(frozen=True)
class Case:
    """What must make an alert fire, when, and when it must end; minutes are those of the fleet's time.

    ``change`` breaks a model. ``labels`` are those of the alert beside the place and the owner, ``needs`` the
    series without which nothing can be said. ``long`` tells apart the several alerts of one name.
    """

    alert: str
    change: Callable[[Fleet, str], None]
    fires: int
    ends: int
    labels: dict[str, str]
    description: str
    needs: tuple[str, ...]
    more: dict[str, str] = field(default_factory=dict)
    also: tuple[dict[str, str], ...] = ()
    long: str = ""
    thresholds: str = ""
    owned: bool = True

    @property
    def id(self) -> str:
        """The name of the case in the list of tests."""
        kinds = [self.labels.get(name, "") for name in ("check", "measure", "reason")]
        return " ".join(part for part in (self.alert, self.long, *kinds) if part)


def play(case: Case, folder: Path, promtool: str = "promtool", slack: int = 0) -> None:
    """Silent just before, firing for the broken model alone with the right words, silent again once it is mended.

    Two models stay silent all the time: the healthy ``twin``, and ``blind``, which is as broken as ``m`` but lacks
    the series that the verdict rests on: unknown is no alert. With ``slack`` an alert may fire and end so many
    minutes earlier or later, and its words, which hold numbers, are not compared: from version 3 on ranges exclude
    their start.
    """
    alert = ALERTS[case.alert, case.long]
    fleet = healthy(case.ends + 2 + slack, ("m", "twin", "blind"))
    for model in ("m", "blind"):
        case.change(fleet, model)
    fleet.remove("blind", *case.needs)
    own = {"job": "ml", "model": "m", "owner": "team"} if case.owned else {"job": "ml"}
    expected = [
        {
            "exp_labels": {"severity": alert.severity, **alert.labels, **own, **labels},
            "exp_annotations": annotations(alert, case.description, {**own, **labels}, case.more),
        }
        for labels in (case.labels, *case.also)
    ]
    told = {"eval_time": f"{case.fires}m", "alertname": case.alert, "exp_alerts": expected}
    firing = [
        {
            "labels": _key(
                "", {"__name__": "ALERTS", "alertname": case.alert, "alertstate": "firing", **one["exp_labels"]}
            ),
            "value": 1,
        }
        for one in expected
    ]
    moments = [
        (case.fires - 1 - slack, []),
        (case.fires + slack, firing),
        (max(case.ends - 1 - slack, case.fires + slack), firing),
        (case.ends + slack, []),
    ]
    if case.fires + slack > case.ends - 1 - slack:
        moments = [moments[0], moments[-1]]
    query = f'ALERTS{{alertname="{case.alert}", long="{case.long}", alertstate="firing"}}'
    states = [{"eval_time": f"{minute}m", "expr": query, "exp_samples": samples} for minute, samples in moments]
    tests = {"alert_rule_test": [] if slack else [told], "promql_expr_test": states}
    without = () if case.long else BUDGETS
    run(folder, case.alert, fleet.as_yaml(), tests, case.thresholds, without, promtool=promtool)
