"""The cumulative sum of errors: the definition, how often it is wrong, and how soon it is right."""

from __future__ import annotations

import numpy as np
import pytest

from ml_exporter.core.metrics import Block, NoData
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.error_cusum import SIGNAL, _Errors, error_cusum
from ml_exporter.signals.performance.trail import trail_of
from ml_exporter.signals.signal import NO_BASELINE, View
from ml_exporter.state.ring import Ring, Window
from support import workload
from support.models import Model

VALUE = "ml_performance_error_cusum"
START = "ml_performance_error_cusum_start_timestamp_seconds"


def shown(model: Model, ring: Ring) -> dict[str, float]:
    view = View(model.context, "1", ring.total, "1h", ring.started, trail=lambda: trail_of(ring))
    blocks = [block for block in SIGNAL.over_window(view) if isinstance(block, Block)]
    return {block.metric.name: float(block.values[0]) for block in blocks}


def filled(model: Model, slices: list[workload.Table]) -> Ring:
    """Return a window of an hour whose slices hold these rows."""
    ring = Ring(Window.of("1h"), model.tallies.layout)
    for number, columns in enumerate(slices):
        ring.add(number * float(ring.window.width), model.sums(columns).vector)
    return ring


def test_it_is_the_largest_sum_of_the_last_slices() -> None:
    gains = np.random.default_rng(1).normal(-0.1, 1, 200)
    expected = [max(0.0, *(gains[start : end + 1].sum() for start in range(end + 1))) for end in range(200)]
    np.testing.assert_allclose(error_cusum(gains), expected, atol=1e-9)


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_a_change_is_found_with_its_time_and_a_healthy_twin_shows_nothing(task: Task) -> None:
    model = Model(task)
    slices = [workload.table(200, seed=seed, task=task) for seed in range(60, 90)]
    assert shown(model, filled(model, slices))[VALUE] < 4.6
    for columns in slices[20:]:
        if task is Task.BINARY:
            some = np.random.default_rng(2).random(200) < 0.15
            columns["label"][some] = 1 - columns["label"][some]
        else:
            columns["prediction"] += 1.2
    ring = filled(model, slices)
    found = shown(model, ring)
    assert found[VALUE] > 10
    assert abs(found[START] - 20 * ring.window.width) <= 2 * ring.window.width


def test_a_class_of_errors_has_the_likelihood_ratio_of_a_binomial() -> None:
    baseline = _Errors(10_000, 0.2, 0.4, True)
    (gain,) = baseline.gains(np.array([100.0]), np.array([30.0]))
    after = 0.2 + 0.2 * 0.4
    assert gain == pytest.approx(30 * np.log(after / 0.2) + 70 * np.log((1 - after) / 0.8))


@pytest.mark.parametrize(("share", "outcomes"), [(0.01, 30), (0.2, 5), (0.2, 200), (0.5, 50)])
def test_classes_without_a_change_show_h_at_one_moment_in_e_to_the_h_at_most(share: float, outcomes: int) -> None:
    """20,000 windows of 24 slices each."""
    baseline = _Errors(1, share, float(np.sqrt(share * (1 - share))), True)
    errors = np.random.default_rng(3).binomial(outcomes, share, (20_000, 24)).astype(float)
    last = last_of(baseline, np.full(24, float(outcomes)), errors)
    for height in (1.0, 2.0, 3.0, 4.6):
        assert np.mean(last >= height) <= np.exp(-height) * 1.1


@pytest.mark.parametrize("outcomes", [10, 100])
def test_exponential_errors_without_a_change_stay_within_their_bound(outcomes: int) -> None:
    baseline = _Errors(1, 1.0, 1.0, False)
    errors = np.random.default_rng(4).gamma(outcomes, 1.0, (20_000, 24))
    last = last_of(baseline, np.full(24, float(outcomes)), errors)
    for height in (1.0, 2.0, 3.0, 4.6):
        assert np.mean(last >= height) <= np.exp(-0.88 * height) * 1.1


def last_of(baseline: _Errors, outcomes: np.ndarray, errors: np.ndarray) -> np.ndarray:
    return np.array([error_cusum(baseline.gains(outcomes, each))[-1] for each in errors])


def test_a_small_baseline_does_not_make_a_healthy_model_look_worse() -> None:
    """The baseline's share is itself off by chance: it is taken two standard errors too high."""
    rng = np.random.default_rng(5)
    high = 0
    for wrong in rng.binomial(300, 0.1, 400):
        mean = (wrong + 1) / 302
        deviation = float(np.sqrt(mean * (1 - mean)))
        baseline = _Errors(300, mean + 2 * deviation / np.sqrt(300), deviation, True)
        errors = rng.binomial(400, 0.1, 24).astype(float)
        high += error_cusum(baseline.gains(np.full(24, 400.0), errors))[-1] > 4.6
    assert high / 400 < 0.02


def test_without_a_trail_the_window_is_one_slice() -> None:
    model = Model()
    columns = workload.table(900, seed=8)
    some = np.random.default_rng(2).random(900) < 0.3
    columns["label"][some] = 1 - columns["label"][some]
    sums = model.sums(columns)
    (block, start) = SIGNAL.over_window(View(model.context, "1", sums, "1h", 77.0))
    assert isinstance(block, Block)
    assert isinstance(start, Block)
    wrong = float(900 - np.trace(sums["confusion"]))
    baseline = _Errors.of(model.context)
    assert block.values.tolist() == pytest.approx(baseline.gains(np.array([900.0]), np.array([wrong])).tolist())
    assert start.values.tolist() == [77.0]


def test_a_baseline_without_labels_is_told() -> None:
    model = Model()
    context = type(model.context)(type(model.reference)(model.schema, model.tallies.zero()), 100)
    view = View(context, "1", model.sums(workload.table(500, seed=2)), "1h")
    assert list(SIGNAL.over_window(view)) == [NoData(("model", "1", "1h"), "error_cusum", NO_BASELINE)]
