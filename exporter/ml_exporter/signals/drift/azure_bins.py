"""The bins of Azure Machine Learning's drift measures, made of whole fine bins."""

from __future__ import annotations

import numpy as np

from ml_exporter.core.arrays import BoolArray, FloatArray, IntArray
from ml_exporter.signals.drift.comparison import Comparison, Geometry
from ml_exporter.sums.fixed import VALUES


def sturges(samples: FloatArray) -> IntArray:
    """Return the number of bins that Sturges' rule gives for each number of samples: ``ceil(log2 n + 1)``.

    Reference: H. Sturges, The choice of a class interval, J. Am. Stat. Assoc. 21 (1926),
    doi:10.1080/01621459.1926.10502161.

    >>> sturges(np.array([1.0, 100.0, 1024.0])).tolist()
    [1, 8, 11]
    """
    return np.ceil(np.log2(np.maximum(samples, 1.0)) + 1.0).astype(np.int64)


def places(geometry: Geometry, means: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return where the numbers of each fine bin lie between the baseline's extremes, from 0 to 1, (fine bins,).

    ``means`` (fine bins,) are the baseline's in standard deviations, NaN for a bin without numbers, which lies in
    its middle, or beyond all others if it is open. The second array, (numeric variables,), says which variables
    have one value in the baseline: it lies at 0.5.
    """
    variable, starts = geometry.variable_of_fine, geometry.fine_starts
    ends = np.append(starts[1:], len(means)) - 1
    empty = geometry.reach - geometry.width / 2.0
    empty[starts], empty[ends] = -np.inf, np.inf
    told = np.isfinite(geometry.extremes)
    lowest = np.where(told[:, 0], geometry.extremes[:, 0], np.fmin.reduceat(means, starts))[variable]
    highest = np.where(told[:, 1], geometry.extremes[:, 1], np.fmax.reduceat(means, starts))[variable]
    alike = ~(highest - lowest > VALUES.step)
    known = np.where(np.isnan(means), empty, means)
    with np.errstate(divide="ignore", invalid="ignore"):
        place = np.clip((known - lowest + VALUES.step) / (highest - lowest), 0.0, 1.0)
    constant = 0.5 + 0.5 * np.sign(known - lowest) * (np.abs(known - lowest) > VALUES.step)
    return np.where(alike, constant, place), alike[starts]


class AzureBins:
    """The counts of both sides in Azure's bins, flat over the variables: numeric ones first.

    - ``window``, ``baseline`` (bins,): counts; ``starts`` (variables,): the first bin of each variable.
    - ``occurring`` (bins,): whether a bin counts: one that a side has rows in, and of numbers the empty ones, too,
      unless all of the baseline's are alike.
    - ``window_rows``, ``baseline_rows`` (bins,): rows of the variable whose value is not missing, at least 1.
    """

    def __init__(self, pair: Comparison) -> None:
        geometry = pair.geometry
        window, baseline = (side.values.astype(np.float64) for side in (pair.window, pair.baseline))
        numeric = len(geometry.numeric)
        bins = sturges(np.minimum(window, baseline)[:numeric])
        starts = np.cumsum(bins) - bins
        variable = geometry.variable_of_fine
        place, constant = places(geometry, pair.baseline.means)
        inside = np.floor(place * bins[variable]).astype(np.int64)
        flat = starts[variable] + np.minimum(inside, bins[variable] - 1)

        kept: BoolArray = np.ones(len(geometry.variable_of_bin), bool)
        kept[geometry.starts + geometry.sizes - 1] = False
        kept[: geometry.starts[numeric] if numeric < geometry.variables else len(kept)] = False
        sizes = np.concatenate((bins, geometry.sizes[geometry.categorical] - 1))

        def counts(numbers: IntArray, categories: IntArray) -> FloatArray:
            here = np.bincount(flat, numbers, minlength=int(bins.sum()))
            return np.concatenate((here, categories[kept]))

        self.window = counts(pair.window.numbers, pair.window.bins)
        self.baseline = counts(pair.baseline.numbers, pair.baseline.bins)
        self.starts: IntArray = np.cumsum(sizes) - sizes
        of = np.repeat(np.arange(geometry.variables), sizes)
        spread = np.concatenate((~constant, np.zeros(len(sizes) - numeric, bool)))
        self.occurring: BoolArray = spread[of] | (self.window + self.baseline > 0)
        self.window_rows: FloatArray = np.maximum(window, 1.0)[of]
        self.baseline_rows: FloatArray = np.maximum(baseline, 1.0)[of]
