"""Fairness, held against fairlearn's rates by group and against the spread of resampled rows."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate

from ml_exporter.core.metrics import Block, NoData
from ml_exporter.signals import fairness
from ml_exporter.signals.fairness.window_counts import fairness_counts
from ml_exporter.signals.signal import View, Views
from support import workload
from support.models import Model

MODEL = Model()
KEYS = [measure.key for measure in fairness.MEASURES]


def biased(rows: int, seed: int) -> workload.Table:
    """Return events of a model that is harder on the south."""
    columns = workload.table(rows, seed=seed)
    south = columns["region"] == "south"
    columns["score"][south] = np.clip(columns["score"][south] - 0.15, 0, 1)
    return columns


def shown(columns: workload.Table, suffix: str = "") -> dict[tuple[str, str], float]:
    """Return each measure of each group, by key and group."""
    view = View(MODEL.context, "1", MODEL.sums(columns), "1h")
    found = {}
    for signal in fairness.SIGNALS:
        for block in signal.over_window(view):
            if isinstance(block, Block):
                name = block.metric.name.removeprefix("ml_fairness_")
                if name.endswith("_standard_error") == bool(suffix):
                    for (_, group), value in zip(block.rows.values, block.values, strict=True):
                        found[name.removesuffix(suffix), group] = float(value)
    return found


def test_differences_are_those_of_fairlearns_rates() -> None:
    columns = biased(8_000, seed=4)
    known = np.isin(columns["region"].astype(str), workload.REGIONS)
    rates = MetricFrame(
        metrics={"sr": selection_rate, "tpr": true_positive_rate, "fpr": false_positive_rate},
        y_true=columns["label"][known],
        y_pred=(columns["score"][known] >= 0.5).astype(int),
        sensitive_features=columns["region"][known],
    ).by_group
    values = shown(columns)
    assert {group for _, group in values} == {"east", "south"}
    for group in ("east", "south"):
        gap = rates.loc[group] - rates.loc["north"]
        assert values["statistical_parity_difference", group] == pytest.approx(gap["sr"], abs=1e-12)
        ratio = rates.loc[group, "sr"] / rates.loc["north", "sr"]
        assert values["disparate_impact_ratio", group] == pytest.approx(ratio, abs=1e-12)
        assert values["equal_opportunity_difference", group] == pytest.approx(gap["tpr"], abs=1e-12)
        mean = (gap["tpr"] + gap["fpr"]) / 2
        assert values["average_odds_difference", group] == pytest.approx(mean, abs=1e-12)
    assert values["disparate_impact_ratio", "south"] < 0.8 < values["disparate_impact_ratio", "east"]


@pytest.mark.parametrize("key", KEYS)
def test_a_standard_error_is_the_spread_of_repetitions(key: str) -> None:
    draws = [shown(biased(2_000, seed=seed))[key, "south"] for seed in range(100, 220)]
    told = shown(biased(2_000, seed=100), "_standard_error")[key, "south"]
    # The spread of 120 draws is itself known to some 6.5 %.
    assert told == pytest.approx(np.std(draws), rel=0.25)


def test_counts_are_those_of_the_rows_behind_each_measure() -> None:
    columns = biased(2_000, seed=6)
    (block,) = fairness_counts(Views([View(MODEL.context, "1", MODEL.sums(columns), "1h")]))
    counts = dict(zip(block.rows.values, block.values.tolist(), strict=True))
    assert len(counts) == len(KEYS) * len(workload.REGIONS)
    for region in workload.REGIONS:
        labels = columns["label"][columns["region"] == region]
        negatives, positives = np.bincount(labels.astype(int)).tolist()
        assert counts["statistical_parity_difference", "region", region] == negatives + positives
        assert counts["equal_opportunity_difference", "region", region] == positives
        assert counts["average_odds_difference", "region", region] == min(negatives, positives)


def test_too_few_of_a_group_give_no_number_but_a_reason() -> None:
    columns = workload.table(300, seed=5)
    view = View(MODEL.context, "1", MODEL.sums(columns), "1h")
    reasons = {
        (sample.signal, sample.feature): sample.reason
        for signal in fairness.SIGNALS
        for sample in signal.over_window(view)
        if isinstance(sample, NoData)
    }
    assert reasons["fairness_equal_opportunity_difference", ""] == "too_few_samples"
