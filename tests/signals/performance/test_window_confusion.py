"""The counts by true and by predicted class of each window, against scikit-learn on the raw rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from ml_exporter.core.metrics import Block
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.signals.performance.window_confusion import BASELINE, CLASSES, MOST_CLASSES, WINDOW, confusions
from ml_exporter.signals.signal import ModelContext, View, Views
from ml_exporter.sums.layout import Sums
from support import workload
from support.models import BASELINE_ROWS, Model, tallies_of

SIZES = {"5m": 300, "1h": 2_000, "24h": 0}


def expected(columns: workload.Table, task: Task, names: tuple[str, ...]) -> list[int]:
    told = (columns["score"] >= 0.5).astype(int) if task is Task.BINARY else columns["prediction"]
    found: list[int] = (
        confusion_matrix(columns["label"].astype(str), told.astype(str), labels=names).ravel().tolist()
    )
    return found


def by_scope(blocks: list[Block], name: str) -> dict[tuple[str, ...], Block]:
    return {block.scope: block for block in blocks if block.metric.name == name}


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_counts_of_windows_and_baseline_equal_scikit_learn(task: Task) -> None:
    model = Model(task)
    tables = {window: workload.table(rows, rows, task, 0.4) for window, rows in SIZES.items() if rows}
    sums = {window: model.sums(columns) for window, columns in tables.items()}
    sums["24h"] = model.tallies.zero()
    blocks = list(confusions(Views([View(model.context, "7", sums[window], window) for window in SIZES])))
    names = model.schema.classes
    assert by_scope(blocks, CLASSES.name)["model", "7"].values.tolist() == [len(names)]
    windows = by_scope(blocks, WINDOW.name)
    assert set(windows) == {("model", "7", window) for window in SIZES}
    for window, columns in tables.items():
        block = windows["model", "7", window]
        assert block.values.tolist() == expected(columns, task, names)
        assert block.rows.values == tuple((true, told) for true in names for told in names)
        assert not np.shares_memory(block.values, sums[window].vector)
    assert not windows["model", "7", "24h"].values.any()
    before = by_scope(blocks, BASELINE.name)["model", "7"].values.tolist()
    assert before == expected(workload.table(BASELINE_ROWS, seed=1, task=task), task, names)


def test_no_regression_has_classes() -> None:
    model = Model(Task.REGRESSION)
    assert not list(confusions(Views([View(model.context, "1", model.tallies.zero(), "1h")])))


@pytest.mark.parametrize(("classes", "has_counts"), [(MOST_CLASSES, True), (MOST_CLASSES + 1, False)])
def test_too_many_classes_are_only_numbered(classes: int, has_counts: bool) -> None:
    schema = ModelSchema("model", Task.MULTICLASS, classes=tuple(map(str, range(classes))))
    sums: Sums = tallies_of(schema).zero()
    reference = type(Model(Task.MULTICLASS).reference)(schema, tallies_of(schema).zero())
    views = Views([View(ModelContext(reference, 100), "1", sums, "1h")])
    blocks = list(confusions(views))
    assert by_scope(blocks, CLASSES.name)["model", "1"].values.tolist() == [classes]
    assert {block.metric.name for block in blocks[1:]} == ({BASELINE.name, WINDOW.name} if has_counts else set())
