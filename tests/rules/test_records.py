"""Recorded series that no sidecar shows: versions beside each other, segments, and which threshold counts."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from support.rules import BINS, GONE, Fleet, Segments, add_replica, healthy, place, run

MINUTES = 92
"""When is looked: at no multiple of five minutes, where Prometheus 2 counts both ends of a range."""


def value(folder: Path, fleet: Fleet, expression: str, expected: dict[str, float], more: str = "") -> None:
    """Check the samples of an expression of one recorded series; ``expected`` is by the text of the labels."""
    name = re.findall(r"\w+(?::\w+)+", expression)[0]
    samples = [{"labels": labels, "value": number} for labels, number in expected.items()]
    # promtool compares exactly: what is recorded is rounded first.
    expression = f"round({expression}, 1e-6)"
    tests: dict[str, Any] = {"eval_time": f"{MINUTES}m", "expr": expression, "exp_samples": samples}
    run(folder, name, fleet.as_yaml(), {"promql_expr_test": [tests]}, more)


def two_versions() -> tuple[Fleet, float, float, float]:
    """Return a fleet of a champion and a challenger with a third of its predictions and fewer right ones.

    Beside it the difference of their accuracies, its standard error over an hour, and labels of the challenger.
    """
    fleet = healthy(MINUTES, ("m",))
    add_replica(fleet, "m", "c", "2")
    of = place("m", "c", "2")
    fleet.counter("ml_predictions_total", 6, **of)
    for true, predicted, rate in (("0", "0", 2), ("0", "1", 1), ("1", "0", 1), ("1", "1", 1)):
        fleet.counter("ml_confusion_total", rate, **of, **{"class": true}, predicted=predicted)
    mine, theirs = 0.6, 0.9
    labels, others = 5 * 60, 2 * 10 * 60
    error = math.sqrt(mine * (1 - mine) / labels + theirs * (1 - theirs) / others)
    return fleet, mine - theirs, error, labels


@pytest.mark.parametrize("part", ["accuracy", "accuracy_standard_error"])
def test_a_version_stands_beside_the_champion_with_its_standard_error(part: str, tmp_path: Path) -> None:
    fleet, difference, error, _ = two_versions()
    name = f"model_version:ml_performance_difference:{part}"
    expected = difference if part == "accuracy" else error
    labels = '{job="ml", model="m", version="2", champion="1", window="1h"}'
    value(tmp_path, fleet, f'{name}{{window="1h"}}', {labels: round(expected, 6)})


def test_the_champion_is_the_version_that_serves_most(tmp_path: Path) -> None:
    fleet, *_ = two_versions()
    value(tmp_path, fleet, "model:ml_champion:info", {'{job="ml", model="m", champion="1"}': 1})


def shadowed() -> Fleet:
    """Return a fleet of two replicas whose version 2 answers beside the one at work, as often."""
    fleet = healthy(MINUTES, ("m",))
    for replica in ("a", "b"):
        of = place("m", replica, "2")
        fleet.counter("ml_predictions_total", 20, **of)
        fleet.gauge("ml_model_shadow_info", 1, **of)
        for working, predicted, rate in (("0", "0", 6), ("0", "1", 1), ("1", "0", 1), ("1", "1", 2)):
            fleet.counter("ml_shadow_agreement_total", rate, **of, working=working, predicted=predicted)
        fleet.counter("ml_shadow_scored_total", 10, **of)
        fleet.counter("ml_shadow_above_total", 3, **of)
        fleet.counter("ml_shadow_below_total", 1, **of)
    return fleet


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ml_shadow_agreement:ratio", 0.8),
        ("ml_shadow_difference:absolute", 0.4),
        ("ml_shadow_difference:mean", 0.2),
    ],
)
def test_a_shadow_is_compared_over_all_replicas(name: str, expected: float, tmp_path: Path) -> None:
    labels = '{job="ml", model="m", version="2", window="1h"}'
    value(tmp_path, shadowed(), f'model_version:{name}{{window="1h"}}', {labels: expected})


def test_a_shadow_is_no_champion_however_often_it_answers(tmp_path: Path) -> None:
    value(tmp_path, shadowed(), "model:ml_champion:info", {'{job="ml", model="m", champion="1"}': 1})


def test_segments_stay_apart(tmp_path: Path) -> None:
    fleet = healthy(MINUTES, ("m",))
    fleet.remove("m", "ml_confusion_total")
    for segment, right in (("north", 8), ("south", 6)):
        for replica in ("a", "b"):
            of = {**place("m", replica), "segment": segment}
            fleet.counter("ml_confusion_total", right, **of, **{"class": "0"}, predicted="0")
            fleet.counter("ml_confusion_total", 10 - right, **of, **{"class": "0"}, predicted="1")
    expected = {
        f'{{job="ml", model="m", segment="{segment}", version="1", window="1h"}}': share
        for segment, share in (("north", 0.8), ("south", 0.6))
    }
    value(tmp_path, fleet, 'model_version:ml_performance:accuracy{window="1h"}', expected)


def test_the_most_specific_threshold_counts(tmp_path: Path) -> None:
    """One more override at a time, from the least to the most specific; each changes what it names and no more."""
    fleet = healthy(MINUTES, ("m",))
    add_replica(fleet, "m", "c", "2")
    series = "model_version_feature:ml_feature_drift_psi:threshold"
    found = {(version, feature): 0.25 for version in "12" for feature in ("temp", "wind")}
    overrides = [
        ("model: m", 0.3, lambda version, feature: True),
        ("feature: temp", 0.4, lambda version, feature: feature == "temp"),
        ('model: m, version: "2"', 0.5, lambda version, feature: version == "2"),
        ("model: m, feature: temp", 0.6, lambda version, feature: feature == "temp"),
        (
            'model: m, version: "2", feature: temp',
            0.7,
            lambda version, feature: (version, feature) == ("2", "temp"),
        ),
        ("model: other, feature: wind", 0.8, lambda version, feature: False),
    ]
    more = ""
    for labels, number, touches in overrides:
        more += (
            f'      - {{record: "ml:feature_drift_psi:threshold", labels: {{{labels}}}, expr: vector({number})}}\n'
        )
        found.update({key: number for key in found if touches(*key)})
        expected = {
            f'{{job="ml", model="m", version="{version}", feature="{feature}"}}': threshold
            for (version, feature), threshold in found.items()
        }
        value(
            tmp_path,
            fleet,
            f'sum by (job, model, version, feature) ({series}{{feature=~"temp|wind"}})',
            expected,
            more,
        )


LATER = 24 * 60 + MINUTES


def moved_since_yesterday(bins: str = "") -> Fleet:
    """Return a fleet of which one feature moved within a day; ``bins`` renames those of before."""
    fleet = healthy(LATER, ("m",))
    for replica in "ab":
        for name, before, after in zip(BINS, (5, 5, 5, 5, 0, 0), (0, 2, 4, 14, 0, 0), strict=True):
            of = {**place("m", replica), "feature": "temp"}
            rates: Segments = [(600, before), (LATER - 600, after)]
            if bins and name not in ("other", "missing"):
                fleet.counter("ml_feature_bin_total", [(600, before), (LATER, GONE)], **of, bin=f"{bins}{name}")
                rates = [(600, GONE), (LATER - 600, after)]
            fleet.counter("ml_feature_bin_total", rates, **of, bin=name)
    return fleet


def recorded_later(folder: Path, fleet: Fleet, name: str, expected: dict[str, float]) -> None:
    samples = [{"labels": labels, "value": number} for labels, number in expected.items()]
    test: dict[str, Any] = {
        "eval_time": f"{LATER}m",
        "expr": f'round({name}{{feature="temp", window="1h"}}, 1e-6)',
        "exp_samples": samples,
    }
    run(folder, name, fleet.as_yaml(), {"promql_expr_test": [test]}, "")


@pytest.mark.parametrize("part", ["psi", "psi_noise_floor"])
def test_a_window_is_compared_with_the_same_one_a_day_ago(part: str, tmp_path: Path) -> None:
    before, after = (1 / 4,) * 4, (1e-4, 0.1, 0.2, 0.7)
    rows = 2 * 20 * 60
    expected = {
        "psi": sum((q - p) * math.log(q / p) for p, q in zip(before, after, strict=True)),
        "psi_noise_floor": 20 * (2 / rows),
    }
    labels = '{feature="temp", job="ml", model="m", past="1d", version="1", window="1h"}'
    name = f"model_version_feature:ml_feature_drift_past:{part}"
    recorded_later(tmp_path, moved_since_yesterday(), name, {labels: round(expected[part], 6)})


def test_bins_of_another_baseline_are_not_compared(tmp_path: Path) -> None:
    recorded_later(tmp_path, moved_since_yesterday("old "), "model_version_feature:ml_feature_drift_past:psi", {})
