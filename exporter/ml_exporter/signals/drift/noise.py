"""What each drift measure shows without drift, found by drawing windows from the baseline itself."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import ModelSchema, NumericVariable, Task, Variable
from ml_exporter.signals.drift.comparison import Comparison, Distribution, Geometry
from ml_exporter.signals.drift.measure import DriftMeasure
from ml_exporter.sums.fixed import VALUES
from ml_exporter.sums.layout import BlockSpec, Layout, Sums

SIZES: Final = (10, 20, 50, 100, 150, 225, 350, 600, 1_000, 3_000, 10_000, 100_000, 1_000_000)
"""Window sizes at which floors are fitted (chosen: close together where rare categories make floors jump)."""

DRAWS: Final = 1_000
"""Windows drawn for each size (chosen): the gamma fit is then within some percent of the true quantile."""

QUANTILE: Final = 0.999
_READ: Final = 0.998
"""Quantile that is read off the draws as a lower bound of the floor; beyond it they are too few to read."""

_PICKS: Final = 2_000_000
_SEED: Final = 20130101


def noise_floors(
    variable: Variable,
    cells: IntArray,
    value_sums: IntArray,
    sample: FloatArray,
    measures: tuple[DriftMeasure, ...],
) -> dict[str, list[float]]:
    """Return, for each measure that applies to ``variable``, its floor at each of :data:`SIZES`.

    The floor is the 99.9 % quantile of the score of a window of that many rows drawn from the
    distribution behind the baseline. That distribution is known only through the baseline's own finite
    sample, so each draw first redraws the shares from the baseline's counts, then the window from those.
    The quantile is that of the gamma distribution with the mean and variance of the scores (of their
    squares for measures like a root), which needs a hundredth of the draws that reading it off would;
    where a rare category makes the scores jump, the scores themselves are read. ``cells`` (bins +
    statuses,) and ``value_sums`` (bins,) are the baseline's sums, ``sample`` some of its numbers, empty for
    a categorical variable. Seeded: the same baseline gives the same floors.
    """
    rng = np.random.default_rng(_SEED)
    rows = int(cells.sum())
    shares = rng.multinomial(rows, cells / rows, size=DRAWS) / rows
    values = _Values(variable, cells, value_sums, sample) if isinstance(variable, NumericVariable) else None
    geometry = Geometry(_copies(variable))
    applying = [measure for measure in measures if measure.noise and len(measure.variables(geometry))]
    baseline = Distribution(geometry, _sums(np.tile(cells, DRAWS), np.tile(value_sums, DRAWS)))
    floors: dict[str, list[float]] = {measure.key: [] for measure in applying}
    for size in SIZES:
        drawn = rng.multinomial(size, shares)
        sums = values.sums(drawn, rng) if values is not None else np.zeros(0, np.int64)
        pair = Comparison(geometry, baseline, Distribution(geometry, _sums(drawn.ravel(), sums)))
        for measure in applying:
            floors[measure.key].append(_quantile(measure.score(pair), measure))
    return floors


class _Values:
    """How the numbers of a baseline lie within its bins, for drawing the sums of a window's bins."""

    def __init__(
        self, variable: NumericVariable, cells: IntArray, value_sums: IntArray, sample: FloatArray
    ) -> None:
        self._bins = variable.bins
        self._counts = cells[: self._bins]
        scaled = (np.sort(sample) - variable.center) / variable.scale
        edges = (variable.edges - variable.center) / variable.scale
        cuts = np.searchsorted(scaled, edges)
        self._tails = {0: scaled[: cuts[0]] if len(cuts) else scaled}
        if len(cuts):
            self._tails[self._bins - 1] = scaled[cuts[-1] :]
        spread = np.zeros(self._bins)
        for part, (start, end) in enumerate(pairwise([0, *cuts.tolist(), len(scaled)])):
            spread[part] = scaled[start:end].std() if end - start > 1 else 0.0
        self._mean = VALUES.decode(value_sums) / np.maximum(self._counts, 1)
        self._spread = spread

    def sums(self, drawn: IntArray, rng: np.random.Generator) -> IntArray:
        """Return the sums of the bins, flat over the draws, for the counts ``drawn`` (draws, cells).

        Within a bin numbers scatter by the bin's own spread; in the two open bins, whose tails may be
        long, they are drawn from the sample while that is affordable. The baseline's sums scatter too.
        """
        counts = drawn[:, : self._bins]
        noise = rng.normal(size=counts.shape) * np.sqrt(counts)
        known = rng.normal(size=counts.shape) * counts / np.sqrt(np.maximum(self._counts, 1))
        totals = counts * self._mean + (noise + known) * self._spread
        for place, tail in self._tails.items():
            picked = int(counts[:, place].sum())
            if len(tail) and picked <= _PICKS:
                running = np.concatenate(([0.0], np.cumsum(rng.choice(tail, picked))))
                ends = np.cumsum(counts[:, place])
                own = running[ends] - running[ends - counts[:, place]]
                totals[:, place] = own + known[:, place] * self._spread[place]
        return VALUES.encode(totals / np.maximum(counts, 1)).ravel() * counts.ravel()


def _quantile(scores: FloatArray, measure: DriftMeasure) -> float:
    from scipy.special import gammaincinv  # what a fit needs, a sidecar does not load

    assert measure.noise is not None
    power = measure.noise.value
    powered = scores**power
    mean, variance = float(np.mean(powered)), float(np.var(powered))
    read = float(np.quantile(powered, _READ))
    if variance <= 0.0 or mean <= 0.0:
        return math.pow(max(mean, 0.0), 1.0 / power)
    shape = mean * mean / variance
    quantile = float(gammaincinv(shape, QUANTILE)) * variance / mean
    return math.pow(max(quantile, read), 1.0 / power)


def _copies(variable: Variable) -> ModelSchema:
    copies = tuple(replace(variable, name=str(number)) for number in range(DRAWS))
    numeric = copies if isinstance(variable, NumericVariable) else ()
    categorical = () if isinstance(variable, NumericVariable) else copies
    return ModelSchema("noise", Task.REGRESSION, numeric, categorical)  # type: ignore[arg-type]


def _sums(counts: IntArray, values: IntArray) -> Sums:
    layout = Layout((BlockSpec("variable_counts", counts.shape), BlockSpec("variable_sums", values.shape)))
    return Sums(layout, np.concatenate((counts, values)))
