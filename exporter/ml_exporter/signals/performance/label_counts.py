"""The labels of a regression by their value, which the best constant answers follow from."""

from __future__ import annotations

from dataclasses import dataclass

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.outcomes import Outcomes, no_outcomes
from ml_exporter.sums.label_bins import label_edges, label_values


@dataclass(frozen=True, eq=False, slots=True)
class LabelCounts:
    """How many labels lie in each bin, (…, bins), and the value that stands for them, (bins,), ascending."""

    counts: IntArray
    values: FloatArray


def labels_of(sums: Outcomes) -> LabelCounts:
    """Return the labels by value; of a model that has bins for them."""
    return sums.derived(_labels)


def _labels(sums: Outcomes) -> LabelCounts:
    edges = label_edges(sums.schema)
    assert edges is not None
    return LabelCounts(sums["label_bins"], label_values(edges))


def binned(sums: Outcomes) -> IntArray:
    """Return the number of labelled predictions whose label was counted by value, (…,)."""
    return sums["label_bins"].sum(axis=-1) if "label_bins" in sums else no_outcomes(sums)


def median(values: FloatArray, weights: FloatArray | IntArray) -> FloatArray:
    """Return the first of ascending ``values`` (bins,) that half of the ``weights`` (…, bins) reaches, as (…, 1).

    >>> median(np.array([1.0, 2.0, 5.0]), np.array([3, 1, 1])).tolist()
    [1.0]
    """
    reached = weights.cumsum(axis=-1)
    found: FloatArray = values[(2 * reached >= reached[..., -1:]).argmax(axis=-1)][..., None]
    return found
