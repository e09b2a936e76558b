"""The share of the fullest bin, counted on raw rows."""

import numpy as np
import pandas as pd
import pytest

from ml_exporter.core.metrics import Block, NoData
from ml_exporter.core.schema import NumericVariable
from ml_exporter.signals.quality import modal
from ml_exporter.signals.signal import TOO_FEW_SAMPLES, View
from support import workload
from support.models import BASELINE_ROWS, Model


def window(model: Model, columns: workload.Table) -> dict[str, float]:
    view = View(model.context, "1", model.sums(columns), "1h")
    return {
        row[0]: float(value)
        for block in modal.SIGNAL.over_window(view)
        if isinstance(block, Block)
        for row, value in zip(block.rows.values, block.values, strict=True)
    }


def raw_share(model: Model, columns: workload.Table, name: str) -> float:
    """Return the share of the values in the fullest of the bins that pandas cuts."""
    (variable,) = (variable for variable in model.schema.features if variable.name == name)
    values = pd.Series(columns[name]).dropna()
    if isinstance(variable, NumericVariable):
        edges = [-np.inf, *variable.edges, np.inf]
        counts = pd.cut(values, edges, right=False).value_counts()
    else:
        texts = values.map(lambda value: str(value).lower() if isinstance(value, bool) else value)
        counts = texts[texts.isin(variable.categories)].value_counts()
    return float(counts.max() / len(values))


@pytest.mark.parametrize("name", [*workload.NUMERIC, *workload.CATEGORICAL])
def test_it_is_the_share_of_the_fullest_bin(name: str) -> None:
    model = Model()
    columns = workload.table(3_000, seed=51, shift=0.5)
    columns["few"][:30] = "new"
    assert window(model, columns)[name] == pytest.approx(raw_share(model, columns, name), abs=1e-12)
    (block,) = modal.SIGNAL.of_baseline(model.context, "1")
    assert isinstance(block, Block)
    baseline = dict(zip(block.rows.values, block.values.tolist(), strict=True))[name,]
    assert baseline == pytest.approx(raw_share(model, workload.table(BASELINE_ROWS, seed=1), name), abs=1e-12)


@pytest.mark.parametrize(("name", "value"), [("normal", 0.25), ("lognormal", 99.0), ("few", "b")])
def test_a_frozen_feature_is_at_one_and_gaps_do_not_hide_it(name: str, value: object) -> None:
    model = Model()
    columns = workload.table(600, seed=52)
    before = window(model, columns)[name]
    gaps = columns[name].copy()
    columns[name][:] = value
    columns[name][:100] = None if name == "few" else np.nan
    assert before < 0.7
    assert window(model, columns)[name] == 1.0
    columns[name] = gaps


def test_too_few_values_have_no_share() -> None:
    model = Model()
    columns = workload.table(150, seed=53)
    columns["lognormal"][:60] = np.nan
    view = View(model.context, "1", model.sums(columns), "1h")
    told = NoData(("model", "1", "1h"), "feature_modal", TOO_FEW_SAMPLES, "lognormal")
    assert told in list(modal.SIGNAL.over_window(view))
    assert np.isnan(window(model, columns)["lognormal"])
