"""The bins of Azure Machine Learning's drift measures, made of fine bins."""

from __future__ import annotations

import numpy as np

from ml_exporter.core.arrays import BoolArray, FloatArray, IntArray
from ml_exporter.signals.drift.comparison import Comparison, Distribution, Geometry
from ml_exporter.sums.fixed import VALUES


def sturges(samples: FloatArray) -> IntArray:
    """Return the number of bins that Sturges' rule gives for each number of samples: ``ceil(log2 n + 1)``.

    Reference: H. Sturges, The choice of a class interval, J. Am. Stat. Assoc. 21 (1926),
    doi:10.1080/01621459.1926.10502161.

    >>> sturges(np.array([1.0, 100.0, 1024.0])).tolist()
    [1, 8, 11]
    """
    return np.ceil(np.log2(np.maximum(samples, 1.0)) + 1.0).astype(np.int64)


class NumberBins:
    """Azure's bins of the numeric variables, flat: ``bins`` (numeric variables,) of equal width for each.

    They lie between the baseline's extremes, or between its means of the outermost fine bins where it does not
    tell them. Inner fine bins are in one of them each, by ``means`` (fine bins,), the baseline's in standard
    deviations. An open one is spread over those that it reaches into.
    """

    def __init__(self, geometry: Geometry, means: FloatArray, bins: IntArray) -> None:
        variable, self._firsts = geometry.variable_of_fine, geometry.fine_starts
        self._lasts: IntArray = np.append(self._firsts[1:], len(means)) - 1
        told = np.isfinite(geometry.extremes)
        self._lowest = np.where(told[:, 0], geometry.extremes[:, 0], np.fmin.reduceat(means, self._firsts))
        highest = np.where(told[:, 1], geometry.extremes[:, 1], np.fmax.reduceat(means, self._firsts))
        self._span: FloatArray = highest - self._lowest
        self.constant: BoolArray = ~(self._span > VALUES.step)

        starts = np.cumsum(bins) - bins
        self._starts = starts
        self._of: IntArray = np.repeat(np.arange(len(bins)), bins)
        self._ends: FloatArray = (np.arange(len(self._of)) - starts[self._of] + 1) / bins[self._of]

        place = np.clip(self._place(self._filled(geometry, means), variable), 0.0, 1.0)
        inside = np.floor(place * bins[variable]).astype(np.int64)
        self._flat: IntArray = starts[variable] + np.minimum(inside, bins[variable] - 1)
        self._open: BoolArray = (self._lasts > self._firsts) & ~self.constant
        self._whole: BoolArray = np.ones(len(means), bool)
        self._whole[self._firsts[self._open]] = self._whole[self._lasts[self._open]] = False
        everyone = np.arange(len(bins))
        self._edges = [self._place(geometry.reach[at], everyone) for at in (self._firsts, self._lasts)]

    @staticmethod
    def _filled(geometry: Geometry, means: FloatArray) -> FloatArray:
        """Return the means; for an empty bin its middle, beyond all others if it is open."""
        empty = geometry.reach - geometry.width / 2.0
        empty[geometry.fine_starts] = -np.inf
        empty[np.append(geometry.fine_starts[1:], len(means)) - 1] = np.inf
        return np.where(np.isnan(means), empty, means)

    def _place(self, values: FloatArray, variable: IntArray) -> FloatArray:
        """Return where values of a variable lie from the lowest, 0, to the highest, 1; one value at 0.5."""
        apart = values - self._lowest[variable]
        beside = 0.5 + np.where(np.abs(apart) > VALUES.step, np.sign(apart), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            place = (apart + VALUES.step) / self._span[variable]
        return np.nan_to_num(np.where(self.constant[variable], beside, place), nan=0.5)

    def counts(self, side: Distribution) -> FloatArray:
        """Return the numbers of one side in each bin, (bins,), with fractions where an open fine bin is spread."""
        whole = np.bincount(self._flat[self._whole], side.numbers[self._whole], minlength=len(self._of))
        found: FloatArray = whole.astype(np.float64)
        everyone = np.arange(len(self._span))
        low, high = (self._place(side.means[at], everyone)[self._of] for at in (self._firsts, self._lasts))
        first, last = (edge[self._of] for edge in self._edges)
        below_first = 1.0 - _share(first - self._ends, first - low, first)
        below_last = np.where(self._ends >= 1.0, 1.0, _share(self._ends - last, high - last, 1.0 - last))
        for at, below in ((self._firsts, below_first), (self._lasts, below_last)):
            inside = np.diff(below, prepend=0.0)
            inside[self._starts] = below[self._starts]
            found = found + inside * np.where(self._open, side.numbers[at], 0)[self._of]
        return found


def _share(distance: FloatArray, mean: FloatArray, reach: FloatArray) -> FloatArray:
    """Return the share of an open fine bin's numbers that lie within a distance of its edge.

    ``reach`` is the distance from the edge to the extreme. The numbers are taken for powers of uniform ones, of
    which one has the ``mean`` distance.
    """
    reach = np.maximum(reach, 1e-12)
    within, mean = (np.clip(values / reach, 0.0, 1.0) for values in (distance, mean))
    with np.errstate(divide="ignore"):
        power = mean / (1.0 - mean)
    return np.where(within > 0, within**power, 0.0)


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
        sizes = np.concatenate((bins, geometry.sizes[geometry.categorical] - 1))
        of = np.repeat(np.arange(geometry.variables), sizes)
        self.starts: IntArray = np.cumsum(sizes) - sizes

        parts: list[list[FloatArray]] = [[], []]
        spread = np.zeros(geometry.variables, bool)
        if numeric:
            numbers = NumberBins(geometry, pair.baseline.means, bins)
            spread[:numeric] = ~numbers.constant
            parts = [[numbers.counts(side)] for side in (pair.window, pair.baseline)]
        categories = geometry.variable_of_bin >= numeric
        categories[geometry.starts + geometry.sizes - 1] = False
        for part, side in zip(parts, (pair.window, pair.baseline), strict=True):
            part.append(side.bins[categories].astype(np.float64))
        self.window, self.baseline = (np.concatenate(part) for part in parts)
        self.occurring: BoolArray = spread[of] | (self.window + self.baseline > 0)
        self.window_rows: FloatArray = np.maximum(window, 1.0)[of]
        self.baseline_rows: FloatArray = np.maximum(baseline, 1.0)[of]
