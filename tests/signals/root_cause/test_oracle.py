"""Scores of features from their parts; losses of groups against pandas over the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_exporter.core.metrics import Block, NoData
from ml_exporter.core.schema import Task
from ml_exporter.signals import drift, root_cause
from ml_exporter.signals.attribution import mean
from ml_exporter.signals.root_cause.segment import segment_loss
from ml_exporter.signals.signal import Signal, View
from support import workload
from support.models import BASELINE_ROWS, Model

ROWS = 6_000


def values(model: Model, columns: workload.Table, *signals: Signal) -> dict[tuple[str, ...], float]:
    """Return the finite samples over a window and of the baseline, by metric and the labels beyond the scope."""
    view = View(model.context, "1", model.sums(columns), "1h")
    return {
        (block.metric.name, *row): float(value)
        for signal in signals
        for block in (*signal.over_window(view), *signal.of_baseline(model.context, "1"))
        if isinstance(block, Block)
        for row, value in zip(block.rows.values, block.values, strict=True)
        if np.isfinite(value)
    }


def moved(task: Task = Task.BINARY) -> workload.Table:
    """Return rows in which a feature that matters and one that does not have drifted."""
    columns = workload.table(ROWS, seed=7, task=task, shift=0.6)
    columns["tied"] = columns["tied"] % 6
    return columns


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_a_score_is_drift_beyond_noise_times_importance(task: Task) -> None:
    model = Model(task, noise=True)
    found = values(model, moved(task), *root_cause.SIGNALS, *drift.SIGNALS, mean.SIGNAL)
    names = [variable.name for variable in model.schema.features]
    if task is Task.BINARY:
        means = {name: found["ml_baseline_feature_attribution_mean", name] for name in names}
        weights = {name: means[name] / sum(means.values()) for name in names}
    else:
        weights = dict.fromkeys(names, 1 / len(names))
    source = "attributions" if task is Task.BINARY else "equal"
    for name in names:
        beyond = found["ml_feature_drift_psi", name] - found["ml_feature_drift_psi_noise_floor", name]
        assert found["ml_root_cause_feature_score", name] == pytest.approx(
            max(beyond, 0) * weights[name], rel=1e-9
        )
        assert found["ml_baseline_feature_importance_ratio", name, source] == pytest.approx(
            weights[name], rel=1e-9
        )


def test_what_the_model_rests_on_comes_first_though_it_drifted_less() -> None:
    found = values(Model(noise=True), moved(), *root_cause.SIGNALS, *drift.SIGNALS)
    assert found["ml_feature_drift_psi", "tied"] > found["ml_feature_drift_psi", "normal"]
    by_score = {name[1]: v for name, v in found.items() if name[0] == "ml_root_cause_feature_score"}
    assert by_score["constant"] == 0.0
    assert by_score["normal"] > 0.0


@pytest.mark.parametrize("task", list(Task))
def test_losses_of_groups_are_those_of_the_rows_and_add_up(task: Task) -> None:
    model = Model(task)
    before = workload.table(BASELINE_ROWS, seed=1, task=task)
    after = workload.table(ROWS, seed=7, task=task)
    rng = np.random.default_rng(5)
    wrong = (after["region"] == "south") & (rng.random(ROWS) < 0.7)
    if task is Task.REGRESSION:
        after["label"] = after["label"] + np.where(wrong, 30.0, 0.0)
    else:
        after["label"] = after["label"].copy()
        after["label"][wrong] = rng.permutation(after["label"][wrong])
        if task is Task.BINARY:
            after["label"][wrong] = 1 - (after["score"][wrong] >= 0.5)
    found = values(model, after, *root_cause.SIGNALS)

    def right(columns: workload.Table) -> pd.DataFrame:
        if task is Task.REGRESSION:
            how = -np.abs(columns["prediction"] - columns["label"])
        else:
            named = columns["prediction"] if task is Task.MULTICLASS else (columns["score"] >= 0.5).astype(int)
            how = np.asarray(named == columns["label"], float)
        region = pd.Series(columns["region"]).fillna("missing")
        return pd.DataFrame({"region": region, "how": how})

    now, base = right(after), right(before)
    quality, quality_before = now.groupby("region")["how"].mean(), base.groupby("region")["how"].mean()
    share, share_before = now["region"].value_counts(normalize=True), base["region"].value_counts(normalize=True)
    less = share * (quality_before - quality)
    mix = (share_before - share) * (quality_before - base["how"].mean())
    for group in less.index:
        assert found["ml_root_cause_segment_loss", "region", group] == pytest.approx(less[group], abs=1e-9)
        assert found["ml_root_cause_segment_mix_loss", "region", group] == pytest.approx(mix[group], abs=1e-9)
    fall = base["how"].mean() - now["how"].mean()
    for segment in ("region", "few", "tied"):
        parts = [v for name, v in found.items() if name[1] == segment and name[0].endswith("_loss")]
        assert sum(parts) == pytest.approx(fall, abs=1e-9)
    shares = {name[2]: v for name, v in found.items() if name[:2] == ("ml_root_cause_segment_share", "region")}
    if task is not Task.MULTICLASS:
        assert shares["south"] == pytest.approx(less["south"] / fall, rel=1e-9)
        assert shares["south"] > 0.8
        assert shares["south"] == max(shares.values())


counts = st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1)), min_size=3, max_size=3)


@given(counts, counts)
def test_both_parts_add_up_to_the_whole_loss(
    now: list[tuple[int, float]], before: list[tuple[int, float]]
) -> None:
    rows, rows_before = (np.array([count for count, _ in side]) for side in (now, before))
    right, right_before = (np.array([count * quality for count, quality in side]) for side in (now, before))
    if not rows.sum() or not rows_before.sum():
        return
    less, mix = segment_loss(rows, right, rows_before, right_before)
    whole = right_before.sum() / rows_before.sum() - right.sum() / rows.sum()
    assert (less + mix).sum() == pytest.approx(whole, abs=1e-12)


def test_a_loss_within_its_noise_is_not_shared_out() -> None:
    model = Model()
    view = View(model.context, "1", model.sums(workload.table(ROWS, seed=8)), "1h")
    samples = list(root_cause.segment.SIGNAL.over_window(view))
    assert "ml_root_cause_segment_share" not in {s.metric.name for s in samples if isinstance(s, Block)}
    reasons = {s.feature: s.reason for s in samples if isinstance(s, NoData)}
    assert reasons["region=south"] == "undefined"
    assert reasons["region=other"] == "no_labels"


def test_few_labels_are_no_cause() -> None:
    model = Model()
    view = View(model.context, "1", model.sums(workload.table(60, seed=8)), "1h")
    (sample,) = root_cause.segment.SIGNAL.over_window(view)
    assert isinstance(sample, NoData)
    assert sample.reason == "too_few_samples"
