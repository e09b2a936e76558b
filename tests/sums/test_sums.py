"""Sums do not depend on order, batching or split, and say exactly what was in the rows."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_exporter.core.arrays import ABSENT, MISSING, NONFINITE, TYPE_ERROR
from ml_exporter.core.schema import Task
from ml_exporter.sums import variables
from ml_exporter.sums.fixed import DELAY, LATENCY, LOG_LOSS, UNIT_INTERVAL, VALUES, WIDE, Fixed
from ml_exporter.sums.layout import BlockSpec, Layout
from ml_exporter.sums.variables import Cells
from support import workload
from support.models import Model

TASKS = list(Task)


@pytest.mark.parametrize("task", TASKS)
def test_any_order_and_any_batching_give_the_same_sums(task: Task) -> None:
    model = Model(task)
    columns = workload.table(3_000, seed=2, task=task)
    whole = model.sums(columns).vector
    rng = np.random.default_rng(3)
    order = rng.permutation(3_000)
    cuts = np.sort(rng.choice(3_000, 40, replace=False))
    parts = model.tallies.zero()
    for rows in np.split(order, cuts):
        parts.add(model.sums(workload.take(columns, rows)).vector)
    assert (parts.vector == whole).all()


@pytest.mark.parametrize("task", TASKS)
def test_subtracting_what_was_added_leaves_nothing(task: Task) -> None:
    model = Model(task)
    sums = model.sums(workload.table(500, seed=4, task=task))
    other = model.sums(workload.table(700, seed=5, task=task, shift=3.0))
    before = sums.vector.copy()
    sums.add(other.vector)
    sums.subtract(other.vector)
    assert (sums.vector == before).all()


@pytest.mark.parametrize("task", TASKS)
def test_a_batch_is_not_changed_by_being_counted(task: Task) -> None:
    model = Model(task)
    columns = workload.table(200, seed=6, task=task)
    predictions, outcomes = model.predictions(columns), model.outcomes(columns)
    copies = [predictions.numeric.copy(), predictions.categorical.copy(), outcomes.label.copy()]
    model.tallies.add_predictions(predictions, model.tallies.zero())
    model.tallies.add_outcomes(outcomes, model.tallies.zero())
    for now, before in zip((predictions.numeric, predictions.categorical, outcomes.label), copies, strict=True):
        np.testing.assert_array_equal(now, before)


def test_every_variable_counts_every_row_once() -> None:
    model = Model()
    counts = model.sums(workload.table(1_234, seed=7))["variable_counts"]
    cells = Cells(model.schema)
    assert (np.add.reduceat(counts, cells.starts) == 1_234).all()


def test_bins_hold_what_a_histogram_of_the_rows_holds() -> None:
    model = Model()
    columns = workload.table(5_000, seed=8, shift=0.5)
    counts = model.sums(columns)["variable_counts"]
    cells = Cells(model.schema)
    for number, variable in enumerate(model.schema.numeric):
        values = columns[variable.name]
        bins = np.concatenate(([-np.inf], variable.edges, [np.inf]))
        expected = np.histogram(values[~np.isnan(values)], bins)[0]
        start = cells.starts[number]
        np.testing.assert_array_equal(counts[start : start + variable.bins], expected)


def test_marks_count_under_their_reason() -> None:
    model = Model()
    batch = model.predictions(workload.table(10, seed=9))
    batch.numeric[0, :] = [1.0, MISSING, MISSING, ABSENT, ABSENT, ABSENT, TYPE_ERROR, NONFINITE, 1.0, 1.0]
    sums = model.tallies.zero()
    model.tallies.add_predictions(batch, sums)
    cells = Cells(model.schema)
    found = {
        name: int(sums["variable_counts"][cells.status(name)[0]])
        for name in ("other", "missing", "absent", "type_error")
    }
    assert found == {"other": 1, "missing": 2, "absent": 3, "type_error": 1}


def test_values_on_the_bounds_are_in_range() -> None:
    model = Model()
    normal = model.schema.numeric[0]
    batch = model.predictions(workload.table(6, seed=9))
    batch.numeric[0, :] = [normal.lower, normal.upper, normal.lower - 1, normal.upper + 1, normal.upper + 2, 0.0]
    sums = model.tallies.zero()
    model.tallies.add_predictions(batch, sums)
    assert sums["variable_range"][0].tolist() == [1, 2]


def test_latency_buckets_include_their_upper_bound() -> None:
    model = Model()
    batch = model.predictions(workload.table(3, seed=9))
    batch.latency[:] = [0.001, 0.0011, 99.0]
    sums = model.tallies.zero()
    model.tallies.add_predictions(batch, sums)
    assert sums["latency"][[0, 1, -2]].tolist() == [1, 1, 1]
    assert LATENCY.decode(sums["latency"][-1:])[0] == pytest.approx(99.0021, abs=1e-5)


def test_an_empty_batch_adds_nothing() -> None:
    for task in TASKS:
        assert not Model(task).sums(workload.table(0, seed=1, task=task)).vector.any()


@pytest.mark.parametrize("format", [VALUES, UNIT_INTERVAL, LOG_LOSS, LATENCY, DELAY])
@given(value=st.floats(-1e300, 1e300))
def test_fixed_point_is_within_half_a_step(format: Fixed, value: float) -> None:
    kept = format.decode(format.encode(np.array([value])))[0]
    assert abs(kept - np.clip(value, -format.limit, format.limit)) <= format.step / 2


wide = st.lists(st.floats(-1e28, 1e28).filter(lambda value: value == 0 or abs(value) > 1e-25), max_size=30)


@given(values=wide)
def test_wide_sums_are_exact(values: list[float]) -> None:
    array = np.array(values, float)
    step = 1 << WIDE.below
    assert Fraction(WIDE.whole(WIDE.total(array)), step) == sum(map(Fraction, values), Fraction())
    squares = sum((Fraction(value) ** 2 for value in values), Fraction())
    assert abs(Fraction(WIDE.whole(WIDE.total_of_squares(array)), step) - squares) * step <= 3 * len(values)


def test_wide_sums_clip_what_is_beyond_their_limit() -> None:
    assert WIDE.decode(WIDE.total(np.array([1e300, -1e300, 5.0]))) == 5.0
    assert WIDE.decode(WIDE.total_of_squares(np.array([1e300]))) == WIDE.root_limit**2


@pytest.mark.parametrize("format", [LATENCY, DELAY])
def test_a_hundred_million_terms_at_the_limit_fit_into_64_bits(format: Fixed) -> None:
    assert int(format.encode(np.array([np.inf]))[0]) * 100_000_000 < 2**63


@settings(max_examples=30)
@given(values=st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=1, max_size=40))
def test_any_finite_numbers_can_be_counted(values: list[float]) -> None:
    model = Model()
    batch = model.predictions(workload.table(len(values), seed=1))
    batch.numeric[0, :] = values
    forth, back = model.tallies.zero(), model.tallies.zero()
    model.tallies.add_predictions(batch, forth)
    model.tallies.add_predictions(batch.take(np.ones(len(values), bool)), back)
    assert (forth.vector == back.vector).all()
    cells = Cells(model.schema)
    assert forth["variable_counts"][: cells.starts[1]].sum() == len(values)


def test_layout_refuses_equal_names() -> None:
    with pytest.raises(ValueError, match="unique"):
        Layout([BlockSpec("a", (1,)), BlockSpec("a", (2,))])


def test_a_long_batch_is_counted_in_parts_whose_sums_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    assert variables._PART * VALUES.limit / VALUES.step < 2**53
    model = Model()
    columns = workload.table(300, seed=5)
    whole = model.sums(columns).vector
    monkeypatch.setattr(variables, "_PART", 7 * len(model.schema.numeric))
    np.testing.assert_array_equal(model.sums(columns).vector, whole)
