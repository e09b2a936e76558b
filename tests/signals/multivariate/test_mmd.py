"""The discrepancy of all features together: what no margin shows, how often chance alarms, the kernel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics.pairwise import rbf_kernel

from ml_exporter.baseline.multivariate import noise_scale
from ml_exporter.core.multivariate import TURN
from ml_exporter.signals.multivariate.mmd import means, mmd
from ml_exporter.sums.fixed import VALUES
from ml_exporter.sums.multivariate import MultivariateTally, Points
from support import workload
from support.multivariate import Together, correlated

MODEL = Together(correlated(20_000, 0.8, np.random.default_rng(1)))
MMD, FLOOR = "ml_multivariate_drift_mmd", "ml_multivariate_drift_mmd_noise_floor"
ERROR = "ml_multivariate_drift_reconstruction_error"


def test_a_correlation_that_is_gone_shows_where_no_margin_does() -> None:
    now = MODEL.window(MODEL.rows(correlated(5_000, 0.0, np.random.default_rng(2))))
    for number in range(5):
        psi = now[f"ml_feature_drift_psi x{number}"]
        assert psi < now[f"ml_feature_drift_psi_noise_floor x{number}"]
    assert now[MMD] > 4 * now[FLOOR]
    rows = MODEL.context.reference.sums["multivariate_rows"][1]
    total = MODEL.context.reference.sums["multivariate_errors"][0] * VALUES.step
    assert abs(now[ERROR] - total / rows) > 10 * now[f"{ERROR}_standard_error"]


def test_rows_as_before_stay_below_the_noise_floor() -> None:
    now = MODEL.window(MODEL.rows(correlated(5_000, 0.8, np.random.default_rng(3))))
    assert now[MMD] < now[FLOOR]
    rows = MODEL.context.reference.sums["multivariate_rows"][1]
    total = MODEL.context.reference.sums["multivariate_errors"][0] * VALUES.step
    assert abs(now[ERROR] - total / rows) < 3 * now[f"{ERROR}_standard_error"]


@pytest.mark.parametrize("size", [100, 400, 2_000])
def test_false_alarms_are_as_rare_as_the_floor_says(size: int) -> None:
    """One in a thousand windows; of 2,000 seven or more would come once in 200 runs if it were so."""
    windows = 2_000 if size < 2_000 else 500
    rows = MODEL.rows(correlated(size * windows, 0.8, np.random.default_rng(size)))
    tally = MultivariateTally.of(MODEL.schema)
    assert tally is not None
    assert MODEL.schema.multivariate is not None
    before = means(MODEL.context.reference.sums)
    floor = np.sqrt(MODEL.schema.multivariate.noise_scale * (1 / size + 1 / 20_000))
    scores = np.empty(windows)
    for number in range(windows):
        sums = MODEL.tallies.zero()
        tally.add(rows.take(slice(number * size, (number + 1) * size)), sums)
        scores[number] = mmd(means(sums), size, before, 20_000)
    assert np.count_nonzero(scores > floor) <= 6
    # And the floor is no higher than it must be.
    assert np.quantile(scores, 0.99) > 0.65 * floor


def test_the_discrepancy_is_the_unbiased_one_of_the_kernel_of_its_frequencies() -> None:
    """Over all pairs of rows, with cosines that come from no table."""
    now, before = (correlated(rows, rho, np.random.default_rng(rows)) for rows, rho in ((300, 0.0), (400, 0.8)))
    known = MODEL.schema.multivariate
    assert known is not None
    points = Points(MODEL.schema, known)
    turned = np.array([known.angles(name, "number") for name in known.features]) * 2 * np.pi / TURN
    angles = [points.coordinates(MODEL.rows(table).numeric).T @ turned for table in (now, before)]
    features = [np.hstack((np.cos(a), np.sin(a))) / np.sqrt(known.frequencies) for a in angles]
    expected = unbiased(*(one @ other.T for one, other in pairs(features)))
    sums = [MODEL.sums(MODEL.rows(table)) for table in (now, before)]
    found = mmd(means(sums[0]), 300, means(sums[1]), 400)
    assert found == pytest.approx(np.sqrt(expected), rel=2e-3)


def test_with_many_frequencies_the_kernel_is_the_gaussian() -> None:
    known = MODEL.schema.multivariate
    assert known is not None
    many = replace(MODEL.schema, multivariate=replace(known, frequencies=1_024))
    tally = MultivariateTally.of(many)
    assert tally is not None
    tables = [correlated(2_000, rho, np.random.default_rng(7)) for rho in (0.0, 0.8)]
    waves = []
    for table in tables:
        sums = type(MODEL.tallies)(many, (MultivariateTally.of,), ()).zero()
        tally.add(MODEL.rows(table), sums)
        waves.append(means(sums))
    points = [Points(many, known).coordinates(MODEL.rows(table).numeric).T for table in tables]
    gamma = 1 / (2 * known.bandwidth**2)
    expected = unbiased(*(rbf_kernel(one, other, gamma=gamma) for one, other in pairs(points)))
    assert mmd(waves[0], 2_000, waves[1], 2_000) == pytest.approx(np.sqrt(expected), rel=0.1)


def pairs(sides: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:  # type: ignore[type-arg]
    here, there = sides
    return [(here, here), (there, there), (here, there)]


def unbiased(here: np.ndarray, there: np.ndarray, across: np.ndarray) -> float:  # type: ignore[type-arg]
    n, m = len(here), len(there)
    own = (here.sum() - np.trace(here)) / (n * (n - 1)) + (there.sum() - np.trace(there)) / (m * (m - 1))
    return float(own - 2 * across.mean())


def test_the_scale_of_the_noise_is_the_quantile_of_its_distribution() -> None:
    rng = np.random.default_rng(5)
    angles = rng.normal(size=(4_000, 3)) @ rng.normal(size=(3, 16))
    terms = np.hstack(((1 + np.cos(angles)) / 2, (1 + np.sin(angles)) / 2))
    weights = np.linalg.eigvalsh(np.cov(terms.T)) * 4 / 16
    drawn = np.concatenate([(rng.normal(size=(20_000, 32)) ** 2 - 1) @ weights for _ in range(20)])
    assert noise_scale(terms) == pytest.approx(np.quantile(drawn, 0.999), rel=0.03)


@pytest.mark.parametrize("sizes", [(1,), (7, 300, 13), (64, 65)])
def test_sums_are_the_same_however_rows_are_batched(sizes: tuple[int, ...]) -> None:
    """To the last bit: matrices of another shape are multiplied in another order."""
    model = Together(workload.table(3_000, seed=4))
    table = workload.table(800, seed=5)
    table["few"][:20] = "never seen"
    table["tailed"][:5] = np.inf
    rows = model.rows(table)
    joint, parts = model.sums(rows), model.tallies.zero()
    start, turn = 0, 0
    while start < rows.rows:
        size = sizes[turn % len(sizes)]
        model.tallies.add_predictions(rows.take(slice(start, start + size)), parts)
        start, turn = start + size, turn + 1
    assert parts.vector.tolist() == joint.vector.tolist()
    shuffled = np.random.default_rng(6).permutation(rows.rows)
    again = model.sums(model.rows(workload.take(table, shuffled)))
    assert again.vector.tolist() == joint.vector.tolist()


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.update(x0=np.where(np.arange(3_000) % 4 == 0, np.nan, table["x0"])),
        lambda table: table.update(c=np.array(["a", "new"], object)[np.arange(3_000) % 2]),
        lambda table: table.update(c=np.array(["a", None], object)[np.arange(3_000) % 2]),
        lambda table: table.update(x0=np.where(np.arange(3_000) % 9 == 0, 1e9, table["x0"])),
    ],
    ids=["gaps", "other", "missing", "extremes"],
)
def test_gaps_other_categories_and_extremes_are_drift(change: object) -> None:
    def table(seed: int) -> workload.Table:
        rng = np.random.default_rng(seed)
        return {
            **correlated(3_000, 0.5, rng, 2),
            "c": np.array(["a", "b"], object)[rng.integers(0, 2, 3_000)],
        }

    model = Together(table(1))
    moved = table(2)
    still = model.window(model.rows(moved))
    change(moved)  # type: ignore[operator]
    now = model.window(model.rows(moved))
    assert still[MMD] < still[FLOOR]
    assert now[MMD] > 2 * now[FLOOR]


def test_too_few_rows_are_told() -> None:
    few = MODEL.rows(correlated(99, 0.8, np.random.default_rng(8)))
    none = few.take(slice(0, 0))
    keys = ("multivariate_drift_mmd", "multivariate_drift_reconstruction_error")
    assert MODEL.reasons(few) == dict.fromkeys(keys, "too_few_samples")
    assert MODEL.reasons(none) == dict.fromkeys(keys, "no_events")
