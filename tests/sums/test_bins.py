"""Bins found by a table are those that a search in the edges finds, whatever the edges and the values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ml_exporter.baseline.bins import quantile_edges
from ml_exporter.core.arrays import MISSING, NONFINITE, FloatArray
from ml_exporter.sums.bins import BinFinder

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
EDGES = st.lists(NUMBERS, unique=True, max_size=40).map(lambda found: np.sort(np.array(found, np.float64)))
LEAST, MOST = 5e-324, 1.7976931348623157e308


def _searched(edges: list[FloatArray], values: FloatArray) -> list[list[int]]:
    return [found.searchsorted(row, side="right").tolist() for found, row in zip(edges, values, strict=True)]


def _found(edges: list[FloatArray], values: FloatArray) -> list[list[int]]:
    starts = np.cumsum([0, *(len(found) + 1 for found in edges)])[:-1]
    return (BinFinder(edges, starts)(values) - starts[:, None]).tolist()


@given(st.lists(EDGES, min_size=1, max_size=4), st.data())
@example([np.array([-MOST, MOST])], None)
@example([np.array([-MOST, -LEAST, LEAST, MOST]), np.array([LEAST, 2 * LEAST])], None)
@example([np.array([-LEAST, 0.0, LEAST]), np.zeros(0), np.array([-1.0])], None)
@example([np.array([LEAST, 1e-300, 1.0, 1e300, MOST])], None)
def test_bins_are_those_of_a_search(edges: list[FloatArray], data: st.DataObject | None) -> None:
    drawn = data.draw(st.lists(NUMBERS, max_size=20)) if data is not None else []
    bounds = np.concatenate(edges)
    with np.errstate(over="ignore"):
        near = np.concatenate([bounds, np.nextafter(bounds, -np.inf), np.nextafter(bounds, np.inf)])
    row = np.array([*drawn, 0.0, -0.0, LEAST, -LEAST, MOST, -MOST, *near[np.isfinite(near)]])
    values = np.tile(row, (len(edges), 1))
    assert _found(edges, values) == _searched(edges, values)


def test_what_is_no_number_gets_some_bin_of_its_variable() -> None:
    edges = [np.array([1.0]), np.array([1.0, 2.0]), np.zeros(0)]
    found = BinFinder(edges, [0, 2, 5])(np.array([[MISSING, NONFINITE, -np.nan]] * 3))
    for row, (start, bounds) in zip(found, zip((0, 2, 5), edges, strict=True), strict=True):
        assert ((row >= start) & (row <= start + len(bounds))).all()


def test_edges_in_clusters_are_searched_beside_variables_that_are_not() -> None:
    clusters = np.sort(np.concatenate([centre + np.arange(50) * 1e-9 for centre in (-1e6, -1.0, 3.0, 1e6)]))
    edges = [clusters, np.arange(10.0)]
    rng = np.random.default_rng(0)
    values = np.stack([rng.choice(clusters, 500) + rng.normal(scale=1e-9, size=500), rng.uniform(-2, 12, 500)])
    assert BinFinder(edges, [0, 300])._searched == [0]
    assert _found(edges, values) == _searched(edges, values)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.normal(size=50_000),
        lambda rng: rng.normal(1e9, 1e-3, size=50_000),
        lambda rng: np.exp(rng.normal(size=50_000)),
        lambda rng: np.exp(3.0 * rng.normal(size=50_000)),
        lambda rng: rng.standard_t(2, 50_000),
        lambda rng: rng.pareto(1.0, 50_000) + 1.0,
        lambda rng: rng.beta(0.5, 0.5, 50_000),
        lambda rng: rng.integers(0, 1_000, 50_000).astype(np.float64),
        lambda rng: np.where(rng.random(50_000) < 0.5, 0.0, np.exp(2.0 * rng.normal(size=50_000))),
    ],
    ids=["normal", "far", "lognormal", "wide", "heavy-tailed", "pareto", "beta", "whole", "zeros"],
)
def test_quantiles_of_usual_distributions_need_no_search(draw: object) -> None:
    edges = quantile_edges(draw(np.random.default_rng(1)))  # type: ignore[operator]
    assert len(edges) > 100
    assert BinFinder([edges], [0])._searched == []
