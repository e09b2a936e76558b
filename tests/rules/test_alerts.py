"""Every alert under promtool: silent just before, firing at, ending; a healthy and an unknown one stay silent."""

from pathlib import Path

import pytest

from support.alert_cases import CASES
from support.alert_cases.estimation import less_sure
from support.rules import ALERTS, BUDGETS, Case, annotations, healthy, play, run


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_an_alert_fires_when_it_should_and_ends(case: Case, tmp_path: Path) -> None:
    play(case, tmp_path)


def test_every_alert_has_a_case() -> None:
    own = {("MLVolumeAnomaly", ""), ("MLFeatureFrozen", ""), ("MLWatchdog", "")}
    assert {(case.alert, case.long) for case in CASES} | own == set(ALERTS)


def test_volume_is_compared_with_the_same_hour_of_earlier_weeks(tmp_path: Path) -> None:
    """Days have ten times the volume of nights; only what differs from the same hour of earlier weeks is told."""
    day = 2 * 168
    few = range(day + 10, day + 14)
    usual = [300.0 if 8 <= hour % 24 < 20 else 30.0 for hour in range(day + 24)]
    series = []
    for model, rates in (("twin", usual), ("m", [0.2 * n if hour in few else n for hour, n in enumerate(usual)])):
        of = f'{{job="ml", instance="a", model="{model}", version="1"'
        series.append({"series": f'ml_model_info{of}, owner="team"}}', "values": "1x99999"})
        series.append({"series": f"ml_predictions_total{of}}}", "values": _hourly(rates)})
    alert = ALERTS["MLVolumeAnomaly", ""]
    labels = {"severity": "warning", "job": "ml", "model": "m", "owner": "team", "window": "1h"}
    description = (
        "Model m got 20% of the predictions that are usual at this hour of the week; a change of 50% is allowed."
    )
    told = [{"exp_labels": labels, "exp_annotations": annotations(alert, description, labels, {})}]
    moments = [*((hour, []) for hour in range(day - 24, day + 12)), (day + 12, told), (day + 16, [])]
    tests = [
        {"eval_time": f"{hour}h", "alertname": "MLVolumeAnomaly", "exp_alerts": alerts} for hour, alerts in moments
    ]
    # A sample every 100 seconds: three in each five minutes, whatever becomes of a range's edges.
    timing = {"interval": "100s", "evaluation": "5m"}
    run(tmp_path, "MLVolumeAnomaly", series, {"alert_rule_test": tests}, without=BUDGETS, **timing)


def test_a_young_model_is_compared_with_its_baseline(tmp_path: Path) -> None:
    """Hours differ; the first is not whole, and a model whose baseline has no times is not judged."""
    begins = 96  # promtool's clock begins on a Thursday, the 96th hour of a week
    usual = [300.0 if 8 <= hour % 24 < 20 else 30.0 for hour in range(168)]
    few = range(10, 14)
    series = []
    known = range(begins - 1, begins + 20)
    shadow = '{job="ml", instance="a", model="m", version="2"'
    series.append({"series": f"ml_model_shadow_info{shadow}}}", "values": "1x99999"})
    series += [
        {"series": f'ml_baseline_hour_predictions{shadow}, hour_of_week="{hour}"}}', "values": "9999x99999"}
        for hour in known
    ]
    for model, share, hours in (("twin", 1.0, known), ("m", 0.2, known), ("unknown", 0.2, ())):
        of = f'{{job="ml", instance="a", model="{model}", version="1"'
        rates = [usual[(begins + n) % 168] * (share if n in few else 1.0) for n in range(24)]
        series.append({"series": f'ml_model_info{of}, owner="team"}}', "values": "1x99999"})
        series.append({"series": f"ml_predictions_total{of}}}", "values": _hourly(rates)})
        series += [
            {
                "series": f'ml_baseline_hour_predictions{of}, hour_of_week="{hour}"}}',
                "values": f"{usual[hour]}x99999",
            }
            for hour in hours
        ]
    alert = ALERTS["MLVolumeAnomaly", ""]
    labels = {"severity": "warning", "job": "ml", "model": "m", "owner": "team", "window": "1h"}
    description = (
        "Model m got 20% of the predictions that are usual at this hour of the week; a change of 50% is allowed."
    )
    told = [{"exp_labels": labels, "exp_annotations": annotations(alert, description, labels, {})}]
    moments = [*((minute, []) for minute in range(0, 600, 20)), (12 * 60, told), (16 * 60, [])]
    expected = [
        {
            "expr": 'model:ml_predictions:baseline_increase{model="m"}',
            "eval_time": f"{minute}m",
            "exp_samples": [
                {
                    "labels": 'model:ml_predictions:baseline_increase{job="ml", model="m", window="1h"}',
                    "value": value,
                }
            ],
        }
        for minute, value in ((500, 300 / 3 + 30 * 2 / 3), (600, 300))
    ]
    expected.append({"expr": "model:ml_predictions:usual_ratio", "eval_time": "50m", "exp_samples": []})
    tests = [
        {"eval_time": f"{minute}m", "alertname": "MLVolumeAnomaly", "exp_alerts": alerts}
        for minute, alerts in moments
    ]
    # Off the tiles, whose ends some versions of Prometheus count twice.
    run(
        tmp_path,
        "MLVolumeAnomaly",
        series,
        {"alert_rule_test": tests, "promql_expr_test": expected},
        interval="100s",
        evaluation="250s",
    )


def test_an_estimate_is_silent_where_prompt_labels_judge(tmp_path: Path) -> None:
    """They say that the model is as right as ever; then the estimate is what errs."""
    fleet = healthy(180, ("m",))
    less_sure(fleet, "m")
    tests = [
        {"eval_time": f"{minute}m", "alertname": "MLEstimatedPerformanceDrop"} for minute in range(60, 180, 5)
    ]
    run(tmp_path, "MLEstimatedPerformanceDrop", fleet.as_yaml(), {"alert_rule_test": tests})


def _hourly(rates: list[float]) -> str:
    parts, total = [], 0.0
    for rate in rates:
        parts.append(f"{total:.10g}+{rate / 36:.10g}x35")
        total += rate
    return " ".join(parts)


def test_a_feature_is_frozen_if_it_varied_a_day_or_a_week_ago(tmp_path: Path) -> None:
    """Not frozen: what is constant at these hours of each day, what is constant in the baseline, what is healthy.

    At these hours of every other day there are too few values for an hour to be judged.
    A feature that stands still is told until a week after it began to.
    """
    hours = 17 * 24
    stands = range(9 * 24, hours)
    noon = [hour for hour in range(hours) if hour % 24 in (12, 13)]
    constant = {"temp": stands, "daylight": noon, "country": range(hours), "wind": ()}
    of = 'job="ml", instance="a", model="m", version="1"'
    series = [
        {"series": f'ml_model_info{{{of}, owner="team"}}', "values": "1x99999"},
        {"series": f"ml_minimum_samples{{{of}}}", "values": "100x99999"},
    ]
    for feature, still in constant.items():
        for number in range(3):
            share = float(number == 0) if feature == "country" else 1 / 3
            rates = [900.0 * (number == 0) if hour in still else 900 * share for hour in range(hours)]
            if feature == "daylight":
                rates = [rate / 15 if hour % 48 in (12, 13) else rate for hour, rate in enumerate(rates)]
            labels = f'{of}, feature="{feature}", bin="{number}"'
            series.append({"series": f"ml_feature_bin_total{{{labels}}}", "values": _hourly(rates)})
            series.append({"series": f"ml_baseline_feature_bin_ratio{{{labels}}}", "values": f"{share:g}x99999"})
    alert = ALERTS["MLFeatureFrozen", ""]
    labels = {"severity": "warning", "job": "ml", "model": "m", "version": "1", "owner": "team"}
    labels |= {"window": "1h", "feature": "temp"}
    description = (
        "100% of the values of temp that model m 1 got over 1h are in one bin; in the baseline 33.33% are, and a"
        " day or a week ago it varied, too."
    )
    told = [{"exp_labels": labels, "exp_annotations": annotations(alert, description, labels, {})}]
    begins = stands[0]
    moments = [(hour, []) for hour in range(26, begins + 1, 4)]
    moments += [(hour, told) for hour in (begins + 2, begins + 30, begins + 6 * 24)]
    tests = [
        {"eval_time": f"{hour}h", "alertname": "MLFeatureFrozen", "exp_alerts": alerts} for hour, alerts in moments
    ]
    timing = {"interval": "100s", "evaluation": "250s"}
    run(tmp_path, "MLFeatureFrozen", series, {"alert_rule_test": tests}, without=BUDGETS, **timing)


def test_the_watchdog_always_barks(tmp_path: Path) -> None:
    alert = ALERTS["MLWatchdog", ""]
    labels = {"severity": "none"}
    told = [{"exp_labels": labels, "exp_annotations": annotations(alert, alert.description, labels, {})}]
    tests = [{"eval_time": moment, "alertname": "MLWatchdog", "exp_alerts": told} for moment in ("1m", "2m", "3h")]
    run(tmp_path, "MLWatchdog", [], {"alert_rule_test": tests})
