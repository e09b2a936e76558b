"""The noise floor is what it says: without drift, one score in a thousand is above it."""

import numpy as np
import pytest

from ml_exporter.baseline.reference import NoiseFloors
from ml_exporter.signals import drift
from ml_exporter.signals.drift.comparison import Comparisons
from ml_exporter.signals.drift.measure import Noise
from ml_exporter.signals.drift.noise_scale import FEWEST, SIGNAL, noise_scale
from ml_exporter.signals.signal import View, Views
from support import workload
from support.models import BASELINE_ROWS, Model

DRAWS = 1_500


@pytest.mark.parametrize("rows", [12, 200, 1_500])
def test_quiet_windows_stay_below_the_floor(rows: int) -> None:
    """Windows from the distribution behind the baseline, not from the baseline's own rows."""
    model = Model(noise=True)
    above = {measure.key: 0 for measure in drift.MEASURES if measure.noise}
    compared = dict.fromkeys(above, 0)
    pool = workload.table(rows * DRAWS, seed=77)
    predictions = model.predictions(pool)
    for draw in range(DRAWS):
        mask = np.zeros(rows * DRAWS, bool)
        mask[draw * rows : (draw + 1) * rows] = True
        sums = model.tallies.zero()
        model.tallies.add_predictions(_slice(predictions, draw * rows, rows), sums)
        comparison = Comparisons(Views([View(model.context, "1", sums, "1h")]))
        for measure in drift.MEASURES:
            if measure.noise is None:
                continue
            variables = measure.variables(comparison.geometry)
            floors = model.reference.noise.at(
                measure.key, variables, measure.samples(comparison.geometry, comparison.window)
            )
            score = measure.score(comparison)
            moving = floors > 1e-9  # a constant has neither score nor floor
            above[measure.key] += int((score > floors)[moving].sum())
            compared[measure.key] += int(moving.sum())
    for key, count in above.items():
        rate = count / compared[key]
        # One in a thousand over all baselines; for this one baseline, whose own deviation all windows share,
        # it may be some times that.
        assert rate < 0.006, f"{key}: {rate:.2%} of quiet windows are above the floor"


def _slice(batch, start, rows):  # type: ignore[no-untyped-def]
    from dataclasses import fields

    def part(values):  # type: ignore[no-untyped-def]
        return None if values is None else values[..., start : start + rows]

    return type(batch)(*(part(getattr(batch, field.name)) for field in fields(batch)))


def test_a_shift_is_above_the_floor() -> None:
    model = Model(noise=True)
    comparison = Comparisons(
        Views([View(model.context, "1", model.sums(workload.table(2_000, seed=3, shift=0.5)), "1h")])
    )
    for key in ("psi", "jensen_shannon", "kolmogorov_smirnov", "wasserstein"):
        measure = next(measure for measure in drift.MEASURES if measure.key == key)
        variables = measure.variables(comparison.geometry)
        floors = model.reference.noise.at(key, variables, measure.samples(comparison.geometry, comparison.window))
        assert measure.score(comparison)[0] > floors[0], key


def test_floors_fall_with_the_samples_towards_that_of_the_baseline() -> None:
    noise = Model(noise=True).reference.noise
    for measure in drift.MEASURES:
        if measure.noise is None or measure.key == "chi_squared":
            continue
        table = noise.floors[measure.key]
        fitted = table[~np.isnan(table).any(axis=1)]
        assert (fitted[:, 0] >= fitted[:, -1]).all()
        smallest = fitted[:, -1].max()
        limit = 60 / BASELINE_ROWS if measure.noise is Noise.LINEAR else 6 / np.sqrt(BASELINE_ROWS)
        assert smallest < limit, measure.key


def test_between_two_sizes_the_floor_is_between_theirs() -> None:
    floors = NoiseFloors(np.array([100, 1_000]), {"psi": np.array([[0.4, 0.04], [0.2, 0.02]])})
    found = floors.at("psi", np.array([0, 1]), np.array([316.2278, 1e9]))
    assert found.tolist() == pytest.approx([0.12649, 0.02], rel=1e-4)
    assert np.isnan(floors.at("unknown", np.array([0]), np.array([5.0]))).all()


def test_the_scale_bounds_the_floors_and_is_no_more_than_it_must() -> None:
    model = Model(noise=True)
    blocks = list(SIGNAL.of_baseline(model.context, "1"))
    names = [block.metric.name for block in blocks]
    assert names == [
        "ml_baseline_feature_drift_psi_noise_scale",
        "ml_baseline_prediction_drift_psi_noise_scale",
    ]
    psi = next(measure for measure in drift.MEASURES if measure.key == "psi")
    noise = model.reference.noise
    sizes = noise.samples[noise.samples >= FEWEST]
    measured = noise.floors["psi"][:, noise.samples >= FEWEST]
    bound = 1 / sizes + 1 / model.reference.rows
    scales = noise_scale(noise.floors["psi"], noise.samples, model.reference.rows)
    assert (measured <= scales[:, None] * bound * (1 + 1e-12)).all()
    assert np.isclose(measured, scales[:, None] * bound).any(axis=1).all()
    shown = np.concatenate([block.values for block in blocks])
    comparison = Comparisons(Views([View(model.context, "1", model.sums(workload.table(500, seed=3)), "1h")]))
    assert len(shown) == len(psi.variables(comparison.geometry))
    assert set(shown) <= set(scales)
    # Between the fitted sizes the bound holds as well.
    for rows in (150, 700, 5_000):
        samples = np.full(len(scales), rows)
        floors = noise.at("psi", np.arange(len(scales)), samples)
        assert (floors <= scales * (1 / rows + 1 / model.reference.rows) * (1 + 1e-9) + 1e-12).all()
