"""The recording rules in a real Prometheus give the sidecar's own numbers, for one sidecar and for a fleet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from ml_exporter.baseline import document
from ml_exporter.core.schema import Task
from support import workload
from support.engine import write_config
from support.models import BASELINE_ROWS, baseline
from support.processes import Process, Prometheus, sidecar

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "prometheus/rules").glob("*.yml"))
MODELS = """
  - {name: prices, version: "1", task: regression, baseline: regression.json}
  - {name: kinds, version: "1", task: multiclass_classification, baseline: multiclass.json}
  - {name: ranks, version: "1", task: multiclass_classification, classes: [a, b, c, d]}
state:
"""
TASKS = {"model": Task.BINARY, "prices": Task.REGRESSION, "kinds": Task.MULTICLASS}
ROWS = 2_000
FEATURES = 9

SAME = {
    "ml_feature_drift_psi": "model_version_feature:ml_feature_drift:psi",
    "ml_feature_drift_jensen_shannon": "model_version_feature:ml_feature_drift:jensen_shannon",
    "ml_prediction_drift_psi": "model_version:ml_prediction_drift:psi",
    "ml_prediction_drift_jensen_shannon": "model_version:ml_prediction_drift:jensen_shannon",
    "ml_feature_drift_share_ratio": "model_version:ml_feature_drift_share:ratio",
    "ml_performance_accuracy": "model_version:ml_performance:accuracy",
    "ml_performance_constant_accuracy": "model_version:ml_performance:constant_accuracy",
    "ml_performance_balanced_accuracy": "model_version:ml_performance:balanced_accuracy",
    "ml_performance_matthews_correlation": "model_version:ml_performance:matthews_correlation",
    "ml_performance_top_k_accuracy": "model_version_k:ml_performance:top_k_accuracy",
    "ml_performance_precision_macro": "model_version:ml_performance:precision_macro",
    "ml_performance_precision_weighted": "model_version:ml_performance:precision_weighted",
    "ml_performance_f1_macro": "model_version:ml_performance:f1_macro",
    "ml_performance_f1_weighted": "model_version:ml_performance:f1_weighted",
    "ml_performance_constant_f1_macro": "model_version:ml_performance:constant_f1_macro",
    "ml_performance_constant_f1_weighted": "model_version:ml_performance:constant_f1_weighted",
    "ml_performance_precision": "model_version_class:ml_performance:precision",
    "ml_performance_recall": "model_version_class:ml_performance:recall",
    "ml_performance_f1": "model_version_class:ml_performance:f1",
    "ml_performance_log_loss": "model_version:ml_performance:log_loss",
    "ml_performance_wape": "model_version:ml_performance:wape",
    "ml_performance_smape": "model_version:ml_performance:smape",
    "ml_performance_brier": "model_version:ml_performance:brier",
    "ml_estimated_performance_accuracy": "model_version:ml_estimated_performance:accuracy",
    "ml_estimated_performance_precision": "model_version_class:ml_estimated_performance:precision",
    "ml_estimated_performance_recall": "model_version_class:ml_estimated_performance:recall",
    "ml_estimated_performance_f1": "model_version_class:ml_estimated_performance:f1",
    "ml_performance_estimate_gap_accuracy": "model_version:ml_performance_estimate_gap:accuracy",
    "ml_performance_mae": "model_version:ml_performance:mae",
    "ml_performance_rmse": "model_version:ml_performance:rmse",
    "ml_performance_constant_rmse": "model_version:ml_performance:constant_rmse",
    "ml_performance_mape": "model_version:ml_performance:mape",
    "ml_performance_r2": "model_version:ml_performance:r2",
    "ml_performance_bias": "model_version:ml_performance:bias",
    "ml_feature_attribution_mean": "model_version_feature:ml_feature_attribution:mean",
    "ml_attribution_drift_ndcg": "model_version:ml_attribution_drift:ndcg",
    "ml_feedback_rating_mean": "model_version:ml_feedback_rating:mean",
    "ml_feedback_positive_ratio": "model_version:ml_feedback_positive:ratio",
    "ml_root_cause_segment_loss": "model_version_segment_group:ml_root_cause:loss",
    "ml_root_cause_segment_mix_loss": "model_version_segment_group:ml_root_cause:mix_loss",
    "ml_root_cause_segment_share": "model_version_segment_group:ml_root_cause:share",
}
"""Ratios of counters that one group reads at one moment: the same numbers, to rounding."""

CHANCE = {
    **{
        f"ml_performance_{key}": f"model_version:ml_performance:{key}"
        for key in (
            *("accuracy_standard_error", "accuracy_lower", "accuracy_upper", "roc_auc_standard_error"),
            *("balanced_accuracy_standard_error", "log_loss_standard_error", "brier_standard_error"),
            *("calibration_bias_standard_error", "mae_standard_error", "rmse_standard_error"),
            "bias_standard_error",
        )
    },
    "ml_performance_f1_standard_error": "model_version_class:ml_performance:f1_standard_error",
    "ml_estimated_performance_accuracy_standard_error": (
        "model_version:ml_estimated_performance:accuracy_standard_error"
    ),
    "ml_estimated_performance_roc_auc_standard_error": (
        "model_version:ml_estimated_performance:roc_auc_standard_error"
    ),
}
"""What depends on how many labels there were, which is extrapolated: some percent more or less."""

BINARY_ONLY = {
    "ml_performance_constant_average_precision": "model_version:ml_performance:constant_average_precision",
    "ml_performance_constant_log_loss": "model_version:ml_performance:constant_log_loss",
    "ml_performance_constant_brier": "model_version:ml_performance:constant_brier",
    "ml_performance_calibration_bias": "model_version:ml_performance:calibration_bias",
}
"""The same, of models of two classes: no counter holds what those of more would need."""

CHECKS = ("missing", "absent", "type_error", "nonfinite", "out_of_range", "unseen", "outlier")

Series = dict[tuple[tuple[str, str], ...], float]


class World:
    """Two replicas and one sidecar that saw everything both saw, scraped by a Prometheus with the rules."""

    def __init__(self, folder: Path) -> None:
        self.processes: list[Process] = []
        sidecars = []
        for name in ("a", "b", "joint"):
            home = folder / name
            home.mkdir()
            config = write_config(home, noise=True)
            document.write(baseline(Task.REGRESSION, noise=True), home / "regression.json")
            document.write(baseline(Task.MULTICLASS, noise=True), home / "multiclass.json")
            config.write_text(config.read_text().replace("\nstate:\n", MODELS))
            sidecars.append(sidecar(config))
            self.processes.append(sidecars[-1])
        self.sidecars = sidecars
        *replicas, joint = sidecars
        self._folder = folder
        self._ports = {"fleet": [replica.port for replica in replicas], "joint": [joint.port]}
        self.prometheus = self._scrape("500ms", rules=[])

    def _scrape(self, interval: str, rules: list[Path]) -> Prometheus:
        """Start a Prometheus over what an earlier one stored."""
        made = Prometheus(self._folder, self._ports, rules, scrape=interval)
        self.processes.append(made)
        return made

    def play(self) -> None:
        """Send the events, half to each replica and all to the joint one."""
        self.prometheus.until_query("count(ml_predictions_total)", 12)
        for number, (name, task) in enumerate(TASKS.items()):
            columns = workload.table(ROWS, seed=61 + number, task=task, shift=0.4)
            columns["few"][:70] = "new"
            columns["normal"][:300] = np.nan
            columns["tailed"][:50] = 1e9
            columns["zeros"][: ROWS // 2] *= 50
            if task is Task.REGRESSION:
                columns["label"][columns["region"] == "south"] += 60.0
            events = [{**event, "model": name} for event in workload.events(columns)]
            if task is Task.BINARY:
                events = workload.attributed(events, columns)
            for event in events[:40]:
                event["error"] = True
            for event in events[40:90]:
                del event["features"]["zeros"]
            events[91]["features"]["tied"] = "text"
            labels = [{**label, "model": name} for label in workload.labels(columns)]
            told = workload.told(columns) if task is Task.BINARY else []
            self._send(events, labels, [{**item, "model": name} for item in told])
        ranked = workload.ranked(ROWS, seed=65)
        self._send(*([{**each, "model": "ranks"} for each in some] for some in ranked))
        for job in ("fleet", "joint"):
            query = f'sum(ml_label_delay_seconds_count{{job="{job}"}})'
            self.prometheus.until_query(query, ROWS * (len(TASKS) + 1))
        # An increase is extrapolated to the ends of its range by up to a scrape and a half: few percent then.
        self.prometheus.until_query("min(count_over_time(up[5m])) >= bool 30", 1, seconds=60)
        # A scrape that arrives while a group is evaluated is seen by its later rules alone: none arrives any more.
        self.prometheus.end()
        self.prometheus = self._scrape("1h", RULES)
        self.prometheus.until_evaluated()

    def _send(
        self,
        events: list[dict[str, Any]],
        labels: list[dict[str, Any]],
        feedback: list[dict[str, Any]] = [],  # noqa: B006
    ) -> None:
        parts = (slice(0, None, 2), slice(1, None, 2), slice(None))
        for part, process in zip(parts, self.sidecars, strict=True):
            assert process.post("/v1/predictions?ack=durable", events[part])[0] == 200
            assert process.post("/v1/labels?ack=durable", labels[part])[0] == 200
            assert not feedback or process.post("/v1/feedback?ack=durable", feedback[part])[0] == 200

    def own(self, name: str, **labels: str) -> Series:
        """Return a gauge of the joint sidecar over 5m."""
        return self._query(name, job="joint", **labels)

    def recorded(self, name: str, job: str, **labels: str) -> Series:
        """Return a recorded series over 5m."""
        return self._query(name, job=job, **labels)

    def _query(self, name: str, **labels: str) -> Series:
        matchers = ",".join(f'{key}="{value}"' for key, value in labels.items())
        found = self.prometheus.query(f'{name}{{window="5m",{matchers}}}')
        drop = {"__name__", "job", "instance", "check"}
        return {tuple(pair for pair in series if pair[0] not in drop): value for series, value in found.items()}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("numbers"))
    try:
        made.play()
        yield made
    finally:
        for process in made.processes:
            process.end()


def test_every_rule_is_evaluated_without_an_error(world: World) -> None:
    document = json.loads(world.prometheus.get("/api/v1/rules")[1])
    rules = [rule for group in document["data"]["groups"] for rule in group["rules"]]
    assert len(rules) > 250
    assert {rule["name"]: rule["lastError"] for rule in rules if rule.get("lastError")} == {}


@pytest.mark.parametrize("name", SAME)
def test_a_rule_gives_the_number_of_the_sidecar(world: World, name: str) -> None:
    own, found = world.own(name), world.recorded(SAME[name], "joint")
    assert own
    assert found.keys() == own.keys()
    for series, value in own.items():
        # Each counter is extrapolated by the same factor; what is left is rounding, and its root.
        assert found[series] == pytest.approx(value, rel=1e-6, abs=1e-7), series


OF_GROUPS = {
    "ml_segment_performance_accuracy": "model_version_segment_group:ml_segment_performance:accuracy",
    "ml_segment_performance_balanced_accuracy": (
        "model_version_segment_group:ml_segment_performance:balanced_accuracy"
    ),
    "ml_segment_performance_mae": "model_version_segment_group:ml_segment_performance:mae",
    "ml_segment_performance_rmse": "model_version_segment_group:ml_segment_performance:rmse",
    "ml_segment_prediction_drift_psi": "model_version_segment_group:ml_segment_prediction_drift:psi",
    "ml_segment_prediction_drift_psi_noise_floor": (
        "model_version_segment_group:ml_segment_prediction_drift:psi_noise_floor"
    ),
    **{
        f"ml_fairness_{measure}{part}": f"model_version_segment_group:ml_fairness:{measure}{part}"
        for measure in (
            *("statistical_parity_difference", "disparate_impact_ratio"),
            *("equal_opportunity_difference", "average_odds_difference"),
        )
        for part in ("", "_standard_error")
    },
}


@pytest.mark.parametrize("name", OF_GROUPS)
def test_a_rule_gives_the_number_of_a_group(world: World, name: str) -> None:
    own, found = world.own(name), world.recorded(OF_GROUPS[name], "joint")
    assert own
    # Rules have groups below the minimum of samples, too; counts are extrapolated by up to a scrape and a half.
    count = name.endswith(("noise_floor", "standard_error"))
    for series, value in own.items():
        assert found[series] == pytest.approx(value, rel=0.1 if count else 1e-6, abs=1e-7), series


def test_the_gaps_of_a_group_are_those_of_the_sidecar(world: World) -> None:
    """A rule does not know how many features there are: it tells of values, not of shares."""
    own = world.own("ml_segment_feature_gaps_ratio")
    found = world.recorded("model_version_segment_group:ml_segment_feature_gaps_per_prediction:ratio", "joint")
    assert found.keys() == own.keys()
    assert max(own.values()) > 0.1
    for series, value in own.items():
        assert found[series] == pytest.approx(value * FEATURES, rel=1e-6), series


@pytest.mark.parametrize("check", CHECKS)
def test_shares_of_bad_values_agree(world: World, check: str) -> None:
    own = world.own(f"ml_feature_{check}_ratio")
    found = world.recorded("model_version_feature:ml_feature_quality:ratio", "joint", check=check)
    assert found.keys() == own.keys()
    for series, value in own.items():
        assert found[series] == pytest.approx(value, rel=1e-6, abs=1e-12), series
    if check != "nonfinite":
        assert max(own.values()) > 0


def test_the_area_under_the_curve_agrees_within_its_stated_bound(world: World) -> None:
    ((series, own),) = world.own("ml_performance_roc_auc", model="model").items()
    found = world.recorded("model_version:ml_performance:roc_auc", "joint")[series]
    positive = world.recorded("model_version_bin:ml_score_bin:positive", "joint")
    below = world.prometheus.query(
        'sum without (class, instance) (increase(ml_score_bin_total{job="joint"}[5m])'
        ' and increase(ml_score_below_total{job="joint"}[5m]))'
    )
    negative = {dict(labels)["bin"]: value for labels, value in below.items()}
    ties = sum(value * negative[dict(labels)["bin"]] for labels, value in positive.items())
    bound = ties / 2 / (sum(positive.values()) * sum(negative.values()))
    assert 0.005 < bound < 0.05
    assert found == pytest.approx(own, abs=bound)


def test_average_precision_agrees_within_its_stated_bound(world: World) -> None:
    """Both take outcomes of a bin as tied, the rule those of its fewer bins: it is lower."""
    ((series, own),) = world.own("ml_performance_average_precision", model="model").items()
    found = world.recorded("model_version:ml_performance:average_precision", "joint")[series]
    assert own - 0.05 < found < own + 1e-6
    assert found == pytest.approx(_binned_average_precision(world), abs=1e-6)


def _binned_average_precision(world: World) -> float:
    """Return scikit-learn's, of outcomes in the order of the exposed bins."""
    counts = world.prometheus.query('increase(ml_score_bin_total{job="joint", model="model"}[5m])')
    lows, labels, weights = [], [], []
    for series, count in counts.items():
        label = dict(series)
        lows.append(float(label["bin"][1:].partition(",")[0]))
        labels.append(int(label["class"]))
        weights.append(count)
    return float(average_precision_score(labels, lows, sample_weight=weights))


@pytest.mark.parametrize("name", CHANCE)
def test_a_rule_knows_how_far_chance_goes_as_the_sidecar_does(world: World, name: str) -> None:
    own = world.own(name)
    found = world.recorded(CHANCE[name], "joint")
    assert own
    assert found.keys() == own.keys()
    for series, value in own.items():
        assert found[series] == pytest.approx(value, rel=0.03), series


@pytest.mark.parametrize("key", ["accuracy", "mae"])
def test_a_rule_knows_how_far_chance_moves_a_group(world: World, key: str) -> None:
    """A rule tells it of groups below the minimum of samples, too."""
    own = world.own(f"ml_segment_performance_{key}_standard_error")
    found = world.recorded(f"model_version_segment_group:ml_segment_performance:{key}_standard_error", "joint")
    assert len(own) >= 3
    assert {series: found[series] for series in own} == {s: pytest.approx(v, rel=0.03) for s, v in own.items()}


@pytest.mark.parametrize("name", BINARY_ONLY)
def test_a_rule_gives_the_number_of_two_classes(world: World, name: str) -> None:
    ((series, own),) = world.own(name, model="model").items()
    assert world.recorded(BINARY_ONLY[name], "joint") == {series: pytest.approx(own, rel=1e-5, abs=1e-7)}


@pytest.mark.parametrize("measure", ["accuracy", "roc_auc", "log_loss", "brier", "mae", "rmse"])
def test_a_drop_is_told_in_standard_errors_of_both_sides(world: World, measure: str) -> None:
    name = f"ml_performance_{measure}"
    found = world.recorded("model_version:ml_performance:drop_standard_errors", "joint", measure=measure)
    model = "prices" if measure in ("mae", "rmse") else "model"
    (drop,) = (value for series, value in found.items() if ("model", model) in series)
    (own,), (error,) = (world.own(part, model=model).values() for part in (name, f"{name}_standard_error"))
    baseline = world.prometheus.query(f'ml_baseline_{name.removeprefix("ml_")}{{job="joint", model="{model}"}}')
    (base,) = baseline.values()
    worse = base - own if measure in ("accuracy", "roc_auc") else own - base
    assert drop == pytest.approx(worse / (error * np.sqrt(1 + ROWS / BASELINE_ROWS)), rel=0.1, abs=0.1)


def test_the_calibration_error_agrees(world: World) -> None:
    ((series, own),) = world.own("ml_performance_expected_calibration_error", model="model").items()
    found = world.recorded("model_version:ml_performance:expected_calibration_error", "joint")
    assert found == {series: pytest.approx(own, abs=1e-6)}


# A count of what lies beyond a cut jumps where the others only differ by some percent.
@pytest.mark.parametrize("name", sorted(set(SAME) - {"ml_feature_drift_share_ratio"}))
def test_a_fleet_gives_the_number_of_the_one_that_saw_everything(world: World, name: str) -> None:
    own, found = world.own(name), world.recorded(SAME[name], "fleet")
    assert found.keys() == own.keys()
    for series, value in own.items():
        # Two replicas are scraped at other moments, so their counts weigh a few percent more or less.
        assert found[series] == pytest.approx(value, rel=0.06, abs=0.015), series


MULTIVARIATE = {
    "ml_multivariate_drift_mmd": "model_version:ml_multivariate_drift:mmd",
    "ml_multivariate_drift_mmd_noise_floor": "model_version:ml_multivariate_drift:mmd_noise_floor",
    "ml_multivariate_drift_reconstruction_error": "model_version:ml_multivariate_drift:reconstruction_error",
    "ml_multivariate_drift_reconstruction_error_standard_error": (
        "model_version:ml_multivariate_drift:reconstruction_error_standard_error"
    ),
}


@pytest.mark.parametrize("job", ["joint", "fleet"])
@pytest.mark.parametrize("name", MULTIVARIATE)
def test_all_features_together_are_those_of_the_sidecar(world: World, name: str, job: str) -> None:
    """Within what some percent of rows too many or too few do to noise floors and corrections."""
    ((series, own),) = world.own(name, model="model").items()
    found = world.recorded(MULTIVARIATE[name], job)
    exact = job == "joint" and name.endswith("reconstruction_error")
    assert found == {series: pytest.approx(own, rel=1e-6 if exact else 0.05)}
    assert own > 0


def test_measures_that_the_sidecar_does_not_show_follow_their_formulas(world: World) -> None:
    shares = world.recorded("model_version_feature_bin:ml_feature_bin:ratio", "joint", model="model")
    baseline_shares = world.prometheus.query(
        'model_version_feature_bin:ml_baseline_feature_bin:ratio{job="joint", model="model"}'
    )
    by_feature: dict[str, list[tuple[float, float]]] = {}
    reference = {(dict(s)["feature"], dict(s)["bin"]): value for s, value in baseline_shares.items()}
    for series, value in shares.items():
        labels = dict(series)
        by_feature.setdefault(labels["feature"], []).append((value, reference[labels["feature"], labels["bin"]]))
    assert len(by_feature) == FEATURES
    for feature, pairs in by_feature.items():
        p, q = np.array(pairs).T
        assert p.sum() == pytest.approx(1)
        for key, expected in (
            ("hellinger", np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2)),
            ("total_variation", np.abs(p - q).sum() / 2),
            ("l_infinity", np.abs(p - q).max()),
        ):
            name = f"model_version_feature:ml_feature_drift:{key}"
            (found,) = world.recorded(name, "joint", model="model", feature=feature).values()
            assert found == pytest.approx(expected, abs=1e-9), (feature, key)


def test_the_features_that_matter_have_the_rank_of_the_sidecar(world: World) -> None:
    """Below them are those that add nothing: which of equals comes first, a rule leaves open."""
    own = {s: rank for s, rank in world.own("ml_feature_attribution_rank").items() if rank <= 5}
    for job in ("joint", "fleet"):
        found = world.recorded("model_version_feature:ml_feature_attribution:rank", job)
        assert len(found) == FEATURES
        assert {series: found[series] for series in own} == own
    before = world.prometheus.query('ml_baseline_feature_attribution_rank{job="joint"}')
    ranks = {dict(series)["feature"]: rank for series, rank in before.items()}
    assert any(rank != ranks[dict(series)["feature"]] for series, rank in own.items())


def test_scores_of_features_are_those_of_the_sidecar_but_for_the_noise_floor(world: World) -> None:
    own = world.own("ml_root_cause_feature_score")
    found = world.recorded("model_version_feature:ml_root_cause:score", "joint")
    floors = world.recorded("model_version_feature:ml_feature_drift:psi_noise_floor", "joint")
    assert found.keys() == own.keys()
    assert max(own.values()) > 0.01
    for series, value in own.items():
        assert found[series] == pytest.approx(value, abs=floors[series]), series


def test_both_parts_of_the_loss_add_up_to_the_whole(world: World) -> None:
    whole = world.recorded("model_version_segment:ml_root_cause:loss", "joint", model="model", segment="region")
    of = {"model": "model", "measure": "accuracy"}
    (accuracy,) = world.recorded("model_version:ml_performance:drop", "joint", **of).values()
    assert list(whole.values()) == [pytest.approx(accuracy, abs=1e-6)]


def test_noise_floors_bound_those_of_the_sidecar(world: World) -> None:
    own = world.own("ml_feature_drift_psi_noise_floor")
    found = world.recorded("model_version_feature:ml_feature_drift:psi_noise_floor", "joint")
    assert found.keys() == own.keys()
    for series, value in own.items():
        # The rule counts at most some percent too many or too few rows.
        assert 0.9 * value - 1e-12 <= found[series] <= 2 * value + 1e-12, series
