"""Outliers: numbers in the far tails of the baseline, of which it has at most half a percent on either side.

The tails are the outermost fine bins that together hold at most 0.5 % of the baseline's numbers, so values beyond
its minimum and maximum are in them, too. With ties or few values the outermost bin may hold more: then that side
has no tail, and without any there is no sample. A higher share than the baseline's means heavier tails or a moved
distribution, which the drift measures tell apart; a tail that is gone means values cut off upstream.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import BoolArray, IntArray
from ml_exporter.core.schema import FeatureKind
from ml_exporter.signals.quality.measure import QualityMeasure, cells_of
from ml_exporter.signals.signal import ModelContext
from ml_exporter.sums.layout import Sums

TAIL: Final = 0.005
"""Share of the baseline's numbers that a tail holds at most."""


class _Tails:
    """The cells of both tails, flat, and the variable of each; the variables that have any, and their first."""

    def __init__(self, context: ModelContext) -> None:
        cells = context.derived(cells_of)
        counts = context.reference.sums["variable_counts"]
        self.cells = np.zeros(0, np.int64)
        self.variable = np.zeros(0, np.int64)
        for number, variable in enumerate(context.schema.numeric):
            start = cells.starts[number]
            fine = counts[start : start + variable.bins]
            most = TAIL * fine.sum()
            if not most:
                continue
            low = np.count_nonzero(np.cumsum(fine) <= most)
            high = np.count_nonzero(np.cumsum(fine[::-1]) <= most)
            found = start + np.concatenate((np.arange(low), np.arange(variable.bins - high, variable.bins)))
            self.cells = np.concatenate((self.cells, found))
            self.variable = np.concatenate((self.variable, np.full(len(found), number)))
        self.found, self.starts = np.unique(self.variable, return_index=True)


def _count(sums: Sums, context: ModelContext) -> IntArray:
    tails = context.derived(_Tails)
    cells = sums["variable_counts"][..., tails.cells]
    counts = np.zeros((*cells.shape[:-1], len(context.schema.variables)), np.int64)
    if len(tails.variable):
        counts[..., tails.found] = np.add.reduceat(cells, tails.starts, axis=-1)
    return counts


def _known(context: ModelContext) -> BoolArray:
    return np.isin(np.arange(len(context.schema.variables)), context.derived(_Tails).variable)


MEASURE: Final = QualityMeasure(
    "outlier", "was in the far tails of the baseline, 0.5 % on either side", _count, FeatureKind.NUMERIC, _known
)
