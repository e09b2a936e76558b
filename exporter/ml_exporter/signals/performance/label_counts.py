"""The labels of a regression by their value, which the best constant answers follow from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ml_exporter.core.arrays import BoolArray, FloatArray, IntArray
from ml_exporter.signals.performance.outcomes import Outcomes, no_outcomes
from ml_exporter.sums.label_bins import label_edges, label_unit, label_unknown, label_values, label_widths

_MOST_UNKNOWN: Final = 20
"""One part of so many labels may have a size that is not known (chosen): of more relative errors are not."""


@dataclass(frozen=True, eq=False, slots=True)
class LabelCounts:
    """How many labels lie in each bin, ``counts`` (…, bins).

    ``values`` (bins,), ascending, stand for them; ``widths`` (bins,) is how far those of a bin may lie apart, NaN
    of the first and the last, which have no end. ``unknown`` (bins,) marks those whose labels have a size that is
    not known: these two, and those nearest to 0.
    """

    counts: IntArray
    values: FloatArray
    widths: FloatArray
    unknown: BoolArray

    def around(self, place: IntArray) -> FloatArray:
        """Return the mean distance of labels from the middle of their bin, of bins ``place``, if they fill it."""
        return np.nan_to_num(self.widths[place] / 4.0)

    def known(self) -> BoolArray:
        """Return whether nearly all labels have a size that is known, (…, 1)."""
        unknown = self.counts[..., self.unknown].sum(axis=-1, keepdims=True)
        is_known: BoolArray = unknown * _MOST_UNKNOWN <= self.counts.sum(axis=-1, keepdims=True)
        return is_known

    def relative(self, errors: FloatArray) -> FloatArray:
        """Return what relative errors do not exceed in sum, (…,), if absolute ones add up to ``errors`` (…,)."""
        sizes = np.maximum(np.abs(self.values) - self.widths / 2.0, 0.0)
        sizes[[0, -1]] = np.maximum(self.values[[0, -1]] * [-1.0, 1.0], 0.0)
        nearest = np.where(self.counts > 0, sizes, np.inf).min(axis=-1)
        return np.where(nearest > 0, errors / np.where(nearest > 0, nearest, 1.0), np.inf)

    def of_one_sign(self) -> BoolArray:
        """Return whether all labels lie on one side of 0, (…,)."""
        below, above = (self.counts[..., side].any(axis=-1) for side in (self.values <= 0, self.values >= 0))
        return np.asarray(below != above)


def labels_of(sums: Outcomes) -> LabelCounts:
    """Return the labels by value; of a model that has bins for them."""
    return sums.derived(_labels)


def _labels(sums: Outcomes) -> LabelCounts:
    unit = label_unit(sums.schema)
    assert unit is not None
    edges = label_edges(*unit)
    values = label_values(edges)
    return LabelCounts(sums["label_bins"], values, label_widths(edges), label_unknown(values, unit[1]))


def binned(sums: Outcomes) -> IntArray:
    """Return the number of labelled predictions whose label was counted by value, (…,)."""
    return sums["label_bins"].sum(axis=-1) if "label_bins" in sums else no_outcomes(sums)


def median(weights: FloatArray | IntArray) -> IntArray:
    """Return the first of the bins that half of the ``weights`` (…, bins) reaches, (…,).

    >>> median(np.array([3, 1, 1])).tolist()
    0
    """
    reached = weights.cumsum(axis=-1)
    return np.asarray((2 * reached >= reached[..., -1:]).argmax(axis=-1))
