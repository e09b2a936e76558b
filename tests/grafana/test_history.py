"""Dashboards over weeks of history: what the minutes of the demo cannot show, and a backfilled past."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_exporter.cli.main import main
from support import workload
from support.engine import write_config
from support.grafana.queries import Result, run_dashboard
from support.models import BASELINE_ROWS
from support.processes import Prometheus

ROOT = Path(__file__).parents[2]
BEGIN = 1_384_992_000
DAYS = 18
ROWS = 9_000
END = BEGIN + DAYS * 86_400


def times(rng: np.random.Generator) -> np.ndarray:
    return BEGIN + np.sort(rng.uniform(0, DAYS * 86_400, ROWS))


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with the hourly history of some weeks: latencies, errors, labels of the next hour."""
    folder = tmp_path_factory.mktemp("history")
    write_config(folder, more="windows: [1h, 24h]", noise=True)
    columns = workload.table(ROWS, seed=45)
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({name: values for name, values in columns.items() if not name.startswith("score:")})
    frame.insert(0, "id", range(ROWS))
    frame["timestamp"] = times(rng)
    frame["label_timestamp"] = frame["timestamp"] + 3_600
    frame["latency_seconds"] = rng.exponential(0.1, ROWS)
    frame["error"] = np.where(rng.random(ROWS) < 0.002, "timeout", None)
    frame.to_parquet(folder / "events.parquet")
    generate = [sys.executable, str(ROOT / "prometheus/generate.py"), "--history", "1h", str(folder / "rules")]
    subprocess.run(generate, check=True, capture_output=True)
    command = ["backfill", str(folder / "events.parquet"), "--config.file", str(folder / "ml-exporter.yml")]
    rules = sorted(map(str, (folder / "rules").glob("*.yml")))
    assert main([*command, "--output", str(folder / "history"), "--rules", *rules]) == 0
    (folder / "history/blocks").rename(folder / "tsdb")
    running = Prometheus(folder, {})
    yield running
    running.end()


def asked(prometheus: Prometheus, uid: str, **more: str) -> dict[tuple[str, str], Result]:
    path = ROOT / f"grafana/dashboards/{uid}.json"
    choices = {"window": "24h"} if uid == "ml-fleet" else {"window": "24h", "model": "model", **more}
    results = run_dashboard(
        path, f"http://127.0.0.1:{prometheus.port}", end=END, seconds=DAYS * 86_400, choices=choices
    )
    return {(result.panel.title, result.target["refId"]): result for result in results}


def points(result: Result) -> int:
    return max((len(column.values) for frame in result.frames for column in frame.fields), default=0)


def by(label: str, result: Result, **of: str) -> dict[str, float]:
    """Return what a query of a table gives for each value of a label, in the rows of other labels."""
    (frame,) = result.frames
    fields = {each.name: each.values for each in frame.fields}
    (values,) = (each.values for each in frame.of("number"))
    kept = [all(fields[name][row] == one for name, one in of.items()) for row in range(len(frame))]
    return {key: value for key, value, is_kept in zip(fields[label], values, kept, strict=True) if is_kept}


def test_budgets_and_earlier_weeks_show_where_there_are_some(prometheus: Prometheus) -> None:
    found = asked(prometheus, "ml-model")
    for name in "AB":
        assert points(found["Budget left", name]) > 100, found["Budget left", name].expression
    for name in "ABCD":
        assert points(found["Volume against the usual", name]) > 50
        assert points(found["Burn rate, slow answers", name]) > 100
    assert points(asked(prometheus, "ml-fleet")["Models", "N"]) == 1


def test_drift_against_the_past_and_of_all_features_together_has_a_history(prometheus: Prometheus) -> None:
    found = asked(prometheus, "ml-drift", feature="normal")
    for title, names in {
        "$feature: PSI against the past": "ABCD",
        "Predictions: PSI against the past": "ABCD",
        "Maximum mean discrepancy": "ABC",
        "Reconstruction error": "ABCD",
    }.items():
        for name in names:
            assert points(found[title, name]) > 50, found[title, name].expression


def test_a_category_has_distances_as_a_number_has(prometheus: Prometheus) -> None:
    for feature, names in (("normal", "ABC"), ("few", "DE")):
        found = asked(prometheus, "ml-drift", feature=feature)
        shown = {name: points(found["$feature: distances by sidecar", name]) for name in "ABCDE"}
        assert {name for name, count in shown.items() if count > 50} == set(names)


def test_a_backfilled_past_fills_the_first_look_of_every_dashboard(prometheus: Prometheus) -> None:
    empty = []
    for uid, titles in {
        "ml-model": [
            "Accuracy, or MAE of a regression",
            "Predictions by version",
            "Errors",
            "Latency",
            "Drift by feature",
        ],
        "ml-drift": ["PSI by feature", "Features"],
        "ml-quality": ["Features", "State of the features"],
        "ml-performance": ["Labelled predictions", "Delay of labels"],
        "ml-versions": ["Versions", "Share of predictions"],
    }.items():
        found = asked(prometheus, uid)
        empty += [(uid, title) for title in titles if not points(found[title, "A"])]
    assert empty == []


def test_groups_and_their_fairness_show(prometheus: Prometheus) -> None:
    found = asked(prometheus, "ml-performance", segment="region")
    titles = {
        "Worst groups",
        "Groups beside the reference",
        "Disparate impact",
        "Equal opportunity",
        "Average odds",
    }
    shown = {key: points(result) for key, result in found.items() if key[0] in titles or "$segment" in key[0]}
    assert len(shown) > 15
    assert [key for key, count in shown.items() if not count] == []
    now, lower, upper = (
        by("measure", found["Groups beside the reference", ref], group="south") for ref in ("A", "B", "C")
    )
    assert len(now) == 4
    assert all(lower[measure] < value < upper[measure] for measure, value in now.items())
    errors = prometheus.query(
        f'ml_fairness_disparate_impact_ratio_standard_error{{window="24h", group="south"}} @ {END}'
    )
    half = (upper["disparate_impact_ratio"] - lower["disparate_impact_ratio"]) / 2
    assert half == pytest.approx(1.96 * next(iter(errors.values())), rel=0.03)


@pytest.mark.parametrize("feature", ["normal", "lognormal"])
def test_a_band_of_quantiles_is_that_of_the_rows(prometheus: Prometheus, feature: str) -> None:
    found = asked(prometheus, "ml-drift", feature=feature)
    rows = workload.table(ROWS, seed=45)[feature]
    when = times(np.random.default_rng(5))
    day = rows[(when > END - 86_400) & ~np.isnan(rows)]
    base = workload.table(BASELINE_ROWS, seed=1)[feature]
    for now_ref, before_ref, quantile in (("A", "D", 0.05), ("B", "F", 0.95), ("C", "E", 0.5)):
        now = found["$feature: values over time", now_ref].frames[0].fields[-1].values[-1]
        # Between two edges a quantile is interpolated, and 500 rows are not the whole distribution.
        assert np.mean(day < now) == pytest.approx(quantile, abs=0.03)
        before = found["$feature: values over time", before_ref].frames[0].fields[-1].values[-1]
        assert np.nanmean(base < before) * len(base) / np.sum(~np.isnan(base)) == pytest.approx(
            quantile, abs=0.005
        )


def test_chance_is_told_of_every_class_and_measure(prometheus: Prometheus) -> None:
    found = asked(prometheus, "ml-performance")

    def own(name: str) -> dict[str, float]:
        series = prometheus.query(f'ml_performance_{name}{{window="24h"}} @ {END}')
        return {dict(labels).get("class", ""): value for labels, value in series.items()}

    for ref, name in {
        "A": "precision",
        "B": "precision_lower",
        "C": "precision_upper",
        "E": "recall_lower",
        "F": "recall_upper",
        "H": "f1_standard_error",
        "M": "constant_precision",
        "N": "constant_f1",
    }.items():
        assert set(own(name)) == {"0", "1"}
        assert by("class", found["Every class", ref]) == pytest.approx(own(name), rel=0.03), name
    errors = by("measure", found["Every measure", "D"])
    for name in ("precision_macro", "f1_weighted", "matthews_correlation", "average_precision"):
        assert errors[name] == own(f"{name}_standard_error")[""]
    assert errors["accuracy"] == pytest.approx(own("accuracy_standard_error")[""], rel=0.03)
