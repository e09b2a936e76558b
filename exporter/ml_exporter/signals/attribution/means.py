"""Mean absolute attributions from sums: what mean, rank and NDCG share."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import BoolArray, FloatArray, IntArray
from ml_exporter.core.metrics import Rows
from ml_exporter.signals.signal import NO_EVENTS, TOO_FEW_SAMPLES, ModelContext, View
from ml_exporter.sums.fixed import WIDE
from ml_exporter.sums.layout import Sums

OF: Final = ("model", "version", "feature")
WITHIN: Final = ("model", "version", "window", "feature")


class Means:
    """The mean absolute attribution of each feature, (features,), NaN where fewer than ``least`` were told."""

    def __init__(self, sums: Sums, least: int) -> None:
        self.counts: IntArray = sums["attribution_counts"]
        self.few: BoolArray = self.counts < max(least, 1)
        totals = WIDE.decode(sums["attribution_sums"])
        self.values: FloatArray = np.where(self.few, np.nan, totals / np.maximum(self.counts, 1))

    def reasons(self) -> list[tuple[BoolArray, str]]:
        """Return why features have no mean."""
        return [(self.counts == 0, NO_EVENTS), (self.few, TOO_FEW_SAMPLES)]


def of_view(view: View) -> Means | None:
    """Return the means over a window; None of a model whose events carry no attributions."""
    return Means(view.sums, view.context.minimum_samples) if view.context.schema.attributed else None


def of_context(context: ModelContext) -> Means | None:
    """Return the means of the baseline; None if it has none."""
    if not context.schema.attributed or not context.reference.sums["attribution_counts"].any():
        return None
    return Means(context.reference.sums, 1)


def names_of(context: ModelContext) -> tuple[str, ...]:
    """Return the name of each feature."""
    return tuple(variable.name for variable in context.schema.features)


def rows_of(context: ModelContext) -> Rows:
    """Return a row for each feature."""
    return Rows.of(context.derived(names_of))
