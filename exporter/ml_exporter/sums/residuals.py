"""Sums over labelled predictions of regressions: how often an error was how large."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.columns import OutcomeColumns
from ml_exporter.core.schema import ModelSchema, NumericVariable, Task
from ml_exporter.sums.layout import BlockSpec, Sums

PER_OCTAVE: Final = 8
"""Bins from a size to its double: a bin's ends differ by 9 % (chosen)."""

SMALLEST: Final = -12
LARGEST: Final = 8
"""Errors are told apart from 2^-12 to 2^8 standard deviations of the baseline's predictions (chosen)."""

SIZES: Final = 2.0 ** (np.arange(SMALLEST * PER_OCTAVE, LARGEST * PER_OCTAVE + 1) / PER_OCTAVE)
"""These, ascending, in such standard deviations."""


def residual_edges(schema: ModelSchema) -> FloatArray | None:
    """Return the sizes at which the bins of errors of either sign end, ascending; None without a unit for them."""
    output = schema.output
    if schema.task is not Task.REGRESSION or not isinstance(output, NumericVariable) or not len(output.edges):
        return None
    edges: FloatArray = output.scale * SIZES
    return edges


class ResidualTally:
    """Adds ``residual_bins`` (2 edges + 1,): outcomes by ``prediction - label``.

    The bins grow with the size of the error, by :data:`PER_OCTAVE` an octave: first those below 0, the largest
    errors first, then one for errors smaller than the smallest edge, then those above 0. An error at an edge
    counts as the larger one.
    """

    key: ClassVar[str] = "residuals"

    def __init__(self, edges: FloatArray) -> None:
        self._edges = edges
        self.blocks = (BlockSpec("residual_bins", (2 * len(edges) + 1,)),)

    @classmethod
    def of(cls, schema: ModelSchema) -> ResidualTally | None:
        """Return the tally of a regression whose baseline holds predictions; None otherwise."""
        edges = residual_edges(schema)
        return None if edges is None else cls(edges)

    def add(self, batch: OutcomeColumns, sums: Sums) -> None:
        """Add a batch of labelled predictions; rows without a predicted value are left out."""
        known = ~np.isnan(batch.output)
        with np.errstate(over="ignore"):
            error = batch.output[known] - batch.label[known]
        size = np.searchsorted(self._edges, np.abs(error), side="right")
        place = len(self._edges) + np.where(error < 0, -size, size)
        sums["residual_bins"][:] += np.bincount(place, minlength=2 * len(self._edges) + 1)
