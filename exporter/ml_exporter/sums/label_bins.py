"""Sums over labelled predictions of regressions: how often a label had which value."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ml_exporter.core.arrays import BoolArray, FloatArray
from ml_exporter.core.columns import OutcomeColumns
from ml_exporter.core.schema import ModelSchema, NumericVariable, Task
from ml_exporter.sums.layout import BlockSpec, Sums
from ml_exporter.sums.residuals import SIZES


def label_unit(schema: ModelSchema) -> tuple[float, float] | None:
    """Return where labels lie and how far they spread on the baseline, else its predictions; None without both."""
    output = schema.output
    if schema.task is not Task.REGRESSION:
        return None
    if schema.label_scale:
        return schema.label_center, schema.label_scale
    if not isinstance(output, NumericVariable) or not len(output.edges):
        return None
    return output.center, output.scale


def label_edges(center: float, unit: float) -> FloatArray:
    """Return where the bins of labels end, ascending, for a :func:`label_unit`.

    Bins grow with the distance from 0, and with that from the center, as those of errors do: a label is known to
    4.5 % of the smaller of the two. 0 has a bin of its own.
    """
    sizes = unit * SIZES
    both = np.concatenate((-sizes[::-1], sizes))
    edges: FloatArray = np.unique(np.concatenate((both, [0.0, np.nextafter(0.0, 1.0)], center + both)))
    return edges


def label_values(edges: FloatArray) -> FloatArray:
    """Return the value that stands for the labels of each bin, (edges + 1,): its middle, at both ends its edge."""
    return np.concatenate((edges[:1], (edges[:-1] + edges[1:]) / 2.0, edges[-1:]))


def label_unknown(values: FloatArray, unit: float) -> BoolArray:
    """Return the bins whose labels have a size that is not known, (edges + 1,): both ends, and those beside 0."""
    is_unknown: BoolArray = (values != 0.0) & (np.abs(values) < unit * SIZES[0])
    is_unknown[[0, -1]] = True
    return is_unknown


def label_widths(edges: FloatArray) -> FloatArray:
    """Return how far the labels of each bin may lie apart, (edges + 1,); NaN of both ends, which have no end."""
    return np.concatenate(([np.nan], np.diff(edges), [np.nan]))


class LabelBinTally:
    """Adds ``label_bins`` (edges + 1,): outcomes by the value of their label. One at an edge counts above it."""

    key: ClassVar[str] = "label_bins"

    def __init__(self, edges: FloatArray) -> None:
        self._edges = edges
        self.blocks = (BlockSpec("label_bins", (len(edges) + 1,)),)

    @classmethod
    def of(cls, schema: ModelSchema) -> LabelBinTally | None:
        """Return the tally of a regression whose baseline holds labels or predictions; None otherwise."""
        unit = label_unit(schema)
        return None if unit is None else cls(label_edges(*unit))

    def add(self, batch: OutcomeColumns, sums: Sums) -> None:
        """Add a batch of labelled predictions; rows without a predicted value are left out."""
        place = self._edges.searchsorted(batch.label[~np.isnan(batch.output)], side="right")
        sums["label_bins"][:] += np.bincount(place, minlength=len(self._edges) + 1)
