"""What a shadow answers reaches nobody: it neither spends a budget, nor hides a silence, nor pages."""

from pathlib import Path
from typing import Any

import pytest

from support.alert_cases import estimation, performance, segments
from support.rules import GONE, Case, Fleet, add_replica, healthy, place, run

OF = {"job": "ml", "model": "m"}


def shadowed(minutes: int, until: int) -> Fleet:
    """Return a healthy model with a shadow of thrice its volume that always fails and is hardly ever right."""
    fleet = healthy(minutes, ("m",))
    add_replica(fleet, "m", "s", version="2")
    of = place("m", "s", "2")
    fleet.gauge("ml_model_shadow_info", 1, **of)
    for name in ("ml_predictions_total", "ml_prediction_errors_total"):
        fleet.counter(name, 120, **of)
    for bound in ("0.1", "0.25", "0.5", "1.0"):
        fleet.counter("ml_prediction_latency_seconds_bucket", 0, **of, le=bound)
    for true, predicted, rate in (("0", "0", 0.6), ("0", "1", 5.4), ("1", "0", 3.6), ("1", "1", 0.4)):
        fleet.counter("ml_confusion_total", rate, **of, **{"class": true}, predicted=predicted)
    for key, (is_counter, stretches) in fleet.series.items():
        if 'instance="m-s"' in key:
            fleet.series[key] = (is_counter, [(until, stretches[0][1]), (minutes, GONE)])
    return fleet


def silent(query: str, *minutes: int) -> list[dict[str, Any]]:
    return [{"eval_time": f"{minute}m", "expr": query, "exp_samples": []} for minute in minutes]


JUDGED = {
    "MLErrorBudgetBurn": "",
    "MLLatencyBudgetBurn": "",
    **{case.alert: case.thresholds for case in performance.CASES},
}


@pytest.mark.parametrize("alert", JUDGED)
def test_it_neither_spends_a_budget_nor_pages(tmp_path: Path, alert: str) -> None:
    tests = silent(f'ALERTS{{alertname="{alert}", alertstate="firing"}}', *range(5, 200, 5))
    run(tmp_path, alert, shadowed(200, until=180).as_yaml(), {"promql_expr_test": tests}, JUDGED[alert])


@pytest.mark.parametrize("case", [*estimation.CASES, *segments.CASES], ids=lambda case: case.id)
def test_nobody_is_told_of_its_groups_and_estimates(tmp_path: Path, case: Case) -> None:
    fleet = healthy(case.ends + 2, ("m",))
    case.change(fleet, "m")
    for replica in "ab":
        fleet.gauge("ml_model_shadow_info", 1, **place("m", replica))
    query = f'ALERTS{{alertname="{case.alert}", alertstate="firing"}}'
    tests = {"promql_expr_test": silent(query, *range(case.fires, case.ends, 5))}
    run(tmp_path, case.alert, fleet.as_yaml(), tests, case.thresholds)


def test_it_does_not_hide_that_another_version_serves(tmp_path: Path) -> None:
    fleet = shadowed(100, until=100)
    for replica in "ab":
        fleet.counter("ml_predictions_total", 0, **place("m", replica))
    add_replica(fleet, "m", "c", version="4")
    del fleet.series[next(key for key in fleet.series if "configured" in key and 'instance="m-c"' in key)]
    query = 'count by (version) (ALERTS{alertname="MLBaselineMismatch", alertstate="firing"})'
    tests = [{"eval_time": "90m", "expr": query, "exp_samples": [{"labels": '{version="4"}', "value": 1}]}]
    run(tmp_path, "MLBaselineMismatch", fleet.as_yaml(), {"promql_expr_test": tests})


def test_it_is_no_traffic_of_its_model(tmp_path: Path) -> None:
    for series, value in (("model:ml_predictions:increase", 40), ("model:ml_prediction_errors:increase", 0.04)):
        tests = [
            {
                "eval_time": f"{minute}m",
                "expr": f'round({series}{{window="{window}"}} / {length}, 0.001)',
                "exp_samples": [{"labels": f'{{job="ml", model="m", window="{window}"}}', "value": value}],
            }
            for minute, window, length in ((151, "5m", 5), (151, "1h", 60), (184, "5m", 5), (191, "1h", 60))
        ]
        folder = tmp_path / series.replace(":", "_")
        folder.mkdir()
        run(folder, series, shadowed(200, until=180).as_yaml(), {"promql_expr_test": tests})


def test_it_does_not_hide_that_the_model_is_silent(tmp_path: Path) -> None:
    fleet = shadowed(140, until=140)
    for replica in "ab":
        of = place("m", replica)
        fleet.counter("ml_predictions_total", [(60, 20), (80, 0)], **of)
        last = next(key for key in fleet.series if key.startswith("ml_prediction_last_") and f"m-{replica}" in key)
        fleet.series[last] = (True, [(60, 60), (80, 0)])
    query = 'count(ALERTS{alertname="MLNoPredictions", alertstate="firing"})'
    tests = [
        *silent(query, 70),
        {"eval_time": "90m", "expr": query, "exp_samples": [{"labels": "{}", "value": 1}]},
    ]
    run(tmp_path, "MLNoPredictions", fleet.as_yaml(), {"promql_expr_test": tests})


def test_it_is_never_champion_not_even_once_it_is_gone(tmp_path: Path) -> None:
    champion = {"labels": 'ml_champion{job="ml", model="m", champion="1"}', "value": 1}
    query = 'label_replace(model:ml_champion:info, "__name__", "ml_champion", "", "")'
    tests = [
        {"eval_time": f"{minute}m", "expr": query, "exp_samples": [champion]}
        for minute in (30, 179, 183, 186, 199)
    ]
    run(tmp_path, "model:ml_champion:info", shadowed(200, until=180).as_yaml(), {"promql_expr_test": tests})
