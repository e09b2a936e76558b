"""Repeated rows: the estimate from sums lies within its stated bound of the exact number of raw rows."""

import numpy as np
import pandas as pd
import pytest

from ml_exporter.core.arrays import ABSENT
from ml_exporter.core.metrics import Block, NoData
from ml_exporter.core.schema import Role
from ml_exporter.signals.quality.repeats import SIGNAL
from ml_exporter.signals.signal import View
from ml_exporter.sums.layout import Sums
from ml_exporter.sums.repeats import BUCKETS, RepeatTally, pair_ratio, pairs_per_row
from support import workload
from support.models import BASELINE_ROWS, Model

FEATURES = [*workload.NUMERIC, *workload.CATEGORICAL]
ERROR = (2 / BUCKETS) ** 0.5


def exact(columns: workload.Table) -> float:
    """Return the mean number of other rows with the same features, from the rows themselves."""
    frame = pd.DataFrame({name: columns[name] for name in FEATURES})
    sizes = frame.groupby(FEATURES, dropna=False).size()
    return float((sizes**2).sum() / sizes.sum() - 1)


def found(model: Model, sums: Sums) -> dict[str, float]:
    view = View(model.context, "1", sums, "1h")
    return {
        block.metric.name: float(block.values[0]) for block in SIGNAL.over_window(view) if isinstance(block, Block)
    }


@pytest.mark.parametrize("rows", [200, 5_000, 60_000])
@pytest.mark.parametrize("again", [0.0, 0.3, 1.0])
def test_it_is_the_number_on_raw_rows_within_three_standard_errors(rows: int, again: float) -> None:
    model = Model()
    columns = workload.table(rows, seed=71)
    repeated = np.concatenate((np.arange(rows), np.arange(int(again * rows))))
    columns = workload.take(columns, repeated)
    truth = exact(columns)
    value = found(model, model.sums(columns))["ml_repeated_rows_per_prediction"]
    assert value == pytest.approx(truth, abs=3 * ERROR * (1 + truth))


def test_one_request_sent_many_times_stands_out() -> None:
    model = Model()
    columns = workload.take(workload.table(20_000, seed=72), np.r_[np.arange(20_000), np.zeros(2_000, int)])
    truth = exact(columns)
    assert truth == pytest.approx(2_001 * 2_000 / 22_000)
    value = found(model, model.sums(columns))["ml_repeated_rows_per_prediction"]
    assert value == pytest.approx(truth, rel=3 * ERROR)


def test_the_standard_error_is_as_stated() -> None:
    """Over many samples of distinct rows: no bias, and the spread that theory gives."""
    model = Model()
    tally = RepeatTally(model.schema)
    estimates = []
    for seed in range(200):
        sums = model.tallies.zero()
        tally.add(model.predictions(workload.table(1_000, seed=seed)), sums)
        estimates.append((sums["repeats"][1:] ** 2).sum() / 1_000)
    assert np.mean(estimates) == pytest.approx(1.0, abs=4 * ERROR / 200**0.5)
    assert 0.8 * ERROR < np.std(estimates) < 1.2 * ERROR


def test_what_expires_leaves_no_trace() -> None:
    model = Model()
    old, new = (model.sums(workload.table(700, seed=seed)) for seed in (73, 74))
    both = model.sums(workload.table(700, seed=74))
    both.add(old.vector)
    both.subtract(old.vector)
    assert found(model, both) == found(model, new)


def test_gaps_are_values_but_a_row_of_gaps_is_none() -> None:
    model = Model()
    batch = model.predictions(workload.table(50, seed=75))
    batch.numeric[:-1, :20] = ABSENT
    for place, variable in enumerate(model.schema.categorical):
        batch.categorical[place, :20] = len(variable.categories) + 2
    sums = model.tallies.zero()
    model.tallies.add_predictions(batch, sums)
    assert sums["repeats"][0] == 30
    batch = model.predictions(workload.take(workload.table(1, seed=76), [0] * 40))
    batch.numeric[0] = ABSENT
    batch.numeric[3] = np.where(np.arange(40) % 2, 0.0, -0.0)
    sums = model.tallies.zero()
    model.tallies.add_predictions(batch, sums)
    assert pairs_per_row(sums["repeats"]) == 39.0


@pytest.mark.parametrize(("rows", "reason"), [(0, "no_events"), (500, "no_features")])
def test_predictions_without_a_feature_are_not_called_none(rows: int, reason: str) -> None:
    model = Model()
    batch = model.predictions(workload.table(rows, seed=77))
    batch.numeric[[variable.role is Role.FEATURE for variable in model.schema.numeric]] = np.nan
    for place, variable in enumerate(model.schema.categorical):
        batch.categorical[place] = len(variable.categories) + 1
    sums = model.tallies.zero()
    model.tallies.add_predictions(batch, sums)
    (told,) = SIGNAL.over_window(View(model.context, "1", sums, "1h"))
    assert isinstance(told, NoData)
    assert (told.signal, told.reason) == ("repeated_rows", reason)


def test_the_baseline_says_what_its_rows_would_have() -> None:
    """Few distinct rows in the baseline: equal pairs are natural, and as many in a window like it."""
    model = Model()
    columns = workload.table(BASELINE_ROWS, seed=77)
    for name in workload.NUMERIC:
        columns[name] = np.zeros(BASELINE_ROWS)
    ratio = pair_ratio(model.sums(columns)["repeats"])
    truth = exact(columns) / (BASELINE_ROWS - 1)
    assert ratio == pytest.approx(truth, rel=3 * ERROR)
    model.context.reference = type(model.reference)(
        model.schema, model.reference.sums, BASELINE_ROWS, equal_pairs=ratio
    )
    window = workload.take(columns, slice(0, 900))
    values = found(model, model.sums(window))
    expected = values["ml_baseline_repeated_rows_per_prediction"]
    assert expected == 899 * ratio
    assert values["ml_repeated_rows_per_prediction"] == pytest.approx(expected, rel=0.3)


def test_distinct_rows_of_a_baseline_count_as_such() -> None:
    model = Model()
    assert exact(workload.table(BASELINE_ROWS, seed=1)) < 0.001
    assert model.document.equal_pairs == 0.0
