"""The numbers of each group, held against pandas and scikit-learn over the group's own rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from ml_exporter.core.metrics import Block, NoData
from ml_exporter.core.schema import Task
from ml_exporter.signals import performance, segments
from ml_exporter.signals.signal import Samples, View
from support import workload
from support.models import BASELINE_ROWS, Model

ROWS = 6_000
TASKS = list(Task)
GROUPS = {
    "region": (*workload.REGIONS, "other", "missing"),
    "few": ("a", "b", "c", "other", "missing"),
    "tied": ("(-Inf, 6)", "[6, 18)", "[18, +Inf)", "other", "missing"),
}


def found(samples: Iterable[Samples], name: str) -> dict[tuple[str, ...], float]:
    return {
        row: float(value)
        for part in samples
        for block in part
        if isinstance(block, Block) and block.metric.name == name
        for row, value in zip(block.rows.values, block.values, strict=True)
        if np.isfinite(value)
    }


def parted(columns: workload.Table) -> pd.DataFrame:
    """Return the rows with the group of each segment beside them."""
    frame = pd.DataFrame(columns)
    for name in ("region", "few"):
        known = frame[name].isin(GROUPS[name])
        frame[f"of {name}"] = np.where(frame[name].isna(), "missing", np.where(known, frame[name], "other"))
    edges = pd.cut(frame["tied"], [-np.inf, 6, 18, np.inf], right=False, labels=list(GROUPS["tied"][:3]))
    frame["of tied"] = edges.astype(object).where(frame["tied"].notna(), "missing")
    return frame


def case(task: Task) -> tuple[Model, pd.DataFrame, list[list[Block | NoData]]]:
    model = Model(task)
    columns = workload.table(ROWS, seed=7, task=task, shift=0.3)
    columns["few"][:50] = "never seen"
    columns["region"][:40] = "west"
    columns["tied"][:30] = np.nan
    sums = model.sums(columns)
    samples = [
        [
            *signal.since_start(View(model.context, "1", sums)),
            *signal.over_window(View(model.context, "1", sums, "1h")),
        ]
        for signal in segments.SIGNALS
    ]
    return model, parted(columns), samples


CASES = {task: case(task) for task in TASKS}


@pytest.mark.parametrize("task", TASKS)
def test_groups_hold_the_rows_that_are_theirs(task: Task) -> None:
    _, frame, samples = CASES[task]
    counted = found(samples, "ml_segment_predictions_total")
    assert set(counted) == {(segment, group) for segment, groups in GROUPS.items() for group in groups}
    for segment in GROUPS:
        rows = frame[f"of {segment}"].value_counts()
        assert {group: counted[segment, group] for group in GROUPS[segment]} == {
            group: rows.get(group, 0) for group in GROUPS[segment]
        }


@pytest.mark.parametrize("task", TASKS)
def test_missing_values_are_those_of_the_rows(task: Task) -> None:
    _, frame, samples = CASES[task]
    features = [*workload.NUMERIC, *workload.CATEGORICAL]
    shares = found(samples, "ml_segment_feature_gaps_ratio")
    for (segment, group), share in shares.items():
        own = frame[frame[f"of {segment}"] == group]
        assert share == pytest.approx(own[features].isna().to_numpy().mean(), rel=1e-12)


def measured(task: Task, key: str) -> dict[tuple[str, str], float]:
    return found(CASES[task][2], f"ml_segment_performance_{key}")  # type: ignore[return-value]


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
@pytest.mark.parametrize(
    ("key", "oracle"),
    [("accuracy", metrics.accuracy_score), ("balanced_accuracy", metrics.balanced_accuracy_score)],
)
def test_accuracies_are_those_of_scikit_learn(task: Task, key: str, oracle: Callable[..., float]) -> None:
    _, frame, _ = CASES[task]
    values = measured(task, key)
    assert len(values) >= 9
    predicted = frame["prediction"] if task is Task.MULTICLASS else (frame["score"] >= 0.5).astype(int)
    for (segment, group), value in values.items():
        own = frame[f"of {segment}"] == group
        assert value == pytest.approx(oracle(frame["label"][own], predicted[own]), rel=1e-12)


def test_roc_auc_is_that_of_scikit_learn_within_its_bound() -> None:
    _, frame, _ = CASES[Task.BINARY]
    values = measured(Task.BINARY, "roc_auc")
    assert len(values) >= 9
    for (segment, group), value in values.items():
        own = frame[f"of {segment}"] == group
        assert value == pytest.approx(metrics.roc_auc_score(frame["label"][own], frame["score"][own]), abs=0.01)


@pytest.mark.parametrize(
    ("key", "oracle"), [("mae", metrics.mean_absolute_error), ("rmse", metrics.root_mean_squared_error)]
)
def test_errors_of_a_regression_are_those_of_scikit_learn(key: str, oracle: object) -> None:
    _, frame, _ = CASES[Task.REGRESSION]
    values = measured(Task.REGRESSION, key)
    assert len(values) >= 9
    for (segment, group), value in values.items():
        own = frame[frame[f"of {segment}"] == group]
        assert value == pytest.approx(oracle(own["label"], own["prediction"]), rel=1e-9)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("task", "key"),
    [
        *((task, key) for task in (Task.BINARY, Task.MULTICLASS) for key in ("accuracy", "balanced_accuracy")),
        (Task.BINARY, "roc_auc"),
        (Task.REGRESSION, "mae"),
    ],
)
def test_the_standard_error_of_a_group_is_that_of_a_model_of_its_rows_alone(task: Task, key: str) -> None:
    model, frame, _ = CASES[task]
    errors = measured(task, f"{key}_standard_error")
    assert errors.keys() == measured(task, key).keys()
    (signal,) = (each for each in performance.SIGNALS if each.key == key)
    for segment, group in [("region", "south"), ("few", "a"), ("tied", "[6, 18)")]:
        own = frame[frame[f"of {segment}"] == group]
        sums = model.sums({name: own[name].to_numpy() for name in workload.table(1, seed=1, task=task)})
        alone = found(
            [signal.over_window(View(model.context, "1", sums, "1h"))], f"{signal.metrics[0].name}_standard_error"
        )
        # Scores of a group are kept in a tenth of the bins.
        assert errors[segment, group] == pytest.approx(alone[()], rel=0.03 if key == "roc_auc" else 1e-9)


def test_no_standard_error_is_told_that_the_sums_of_groups_do_not_hold() -> None:
    assert measured(Task.REGRESSION, "rmse")
    assert not measured(Task.REGRESSION, "rmse_standard_error")


def test_a_group_drifts_by_itself() -> None:
    model = Model(Task.BINARY, noise=True)
    columns = workload.table(ROWS, seed=8)
    moved = columns["region"] == "south"
    columns["score"][moved] = np.clip(columns["score"][moved] + 0.4, 0, 1)
    view = View(model.context, "1", model.sums(columns), "1h")
    samples = [list(signal.over_window(view)) for signal in segments.SIGNALS]
    psi = found(samples, "ml_segment_prediction_drift_psi")
    floor = found(samples, "ml_segment_prediction_drift_psi_noise_floor")
    assert psi["region", "south"] > 1.0 > 10 * floor["region", "south"]
    for group in ("north", "east"):
        assert psi["region", group] < floor["region", group]


def test_the_index_of_a_group_is_that_of_its_shares() -> None:
    model, frame, samples = CASES[Task.BINARY]
    before = parted(workload.table(BASELINE_ROWS, seed=1))
    (output,) = (variable for variable in model.schema.numeric if variable.role == "prediction")
    cuts = [-np.inf, *output.edges[output.groups[1:] - 1], np.inf]
    for (segment, group), value in found(samples, "ml_segment_prediction_drift_psi").items():
        p, q = (
            np.maximum(np.histogram(rows["score"][rows[f"of {segment}"] == group], cuts)[0], 0)
            / np.sum(rows[f"of {segment}"] == group)
            for rows in (frame, before)
        )
        p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
        assert value == pytest.approx(np.sum((p - q) * np.log(p / q)), rel=1e-9)


def test_a_group_that_has_too_few_says_so() -> None:
    model = Model(Task.BINARY)
    view = View(model.context, "1", model.sums(workload.table(150, seed=3)), "1h")
    reasons = {
        (sample.feature, sample.reason)
        for signal in segments.SIGNALS
        for sample in signal.over_window(view)
        if isinstance(sample, NoData) and sample.signal == "segment_accuracy"
    }
    assert ("region=east", "too_few_samples") in reasons
    assert ("region=other", "no_labels") in reasons
    assert not any(name == "tied=[6, 18)" and reason == "no_labels" for name, reason in reasons)


@pytest.mark.parametrize("task", TASKS)
def test_a_baseline_keeps_what_its_groups_were(task: Task) -> None:
    model = Model(task)
    rows = parted(workload.table(BASELINE_ROWS, seed=1, task=task))
    samples = [list(signal.of_baseline(model.context, "1")) for signal in segments.SIGNALS]
    for (segment, group), count in found(samples, "ml_baseline_segment_rows").items():
        assert count == np.sum(rows[f"of {segment}"] == group)
    key = "mae" if task is Task.REGRESSION else "accuracy"
    values = found(samples, f"ml_baseline_segment_performance_{key}")
    predicted = (rows["score"] >= 0.5).astype(int) if task is Task.BINARY else rows["prediction"]
    right = (predicted - rows["label"]).abs() if task is Task.REGRESSION else predicted == rows["label"]
    for (segment, group), value in values.items():
        assert value == pytest.approx(right[rows[f"of {segment}"] == group].mean(), rel=1e-9)
