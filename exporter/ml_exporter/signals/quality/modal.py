"""Share of the fullest bin: whether a feature still varies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from ml_exporter.core.arrays import BoolArray, FloatArray
from ml_exporter.core.metrics import Block, Rows, gauge
from ml_exporter.core.schema import Role
from ml_exporter.signals.quality.measure import cells_of
from ml_exporter.signals.signal import (
    NO_BASELINE,
    NO_EVENTS,
    TOO_FEW_SAMPLES,
    JointSignal,
    ModelContext,
    Samples,
    View,
    Views,
    absences,
)
from ml_exporter.sums.layout import Sums

_RATIO: Final = gauge(
    "ml_feature_modal_ratio",
    "Share of a feature's values within the window in its fullest fine bin or category; 1: it does not vary.",
    *("model", "version", "window", "feature"),
)
_BASELINE: Final = gauge(
    "ml_baseline_feature_modal_ratio",
    "Share of a feature's values in the baseline in its fullest fine bin or category.",
    *("model", "version", "feature"),
)


class _Places:
    """The bins of every feature, one after another, and what the baseline has in the fullest of each."""

    def __init__(self, context: ModelContext) -> None:
        cells = context.derived(cells_of)
        chosen = [
            number
            for number, variable in enumerate(context.schema.variables)
            if variable.role is Role.FEATURE and cells.bins[number]
        ]
        self.features = np.array(chosen, np.int64)
        self.names = tuple(context.schema.variables[number].name for number in chosen)
        self.rows = Rows.of(self.names)
        bins = cells.bins[self.features]
        places = [cells.starts[number] + np.arange(cells.bins[number]) for number in chosen]
        self.cells = np.concatenate(places).astype(np.int64) if places else np.zeros(0, np.int64)
        self.starts = np.cumsum(bins) - bins
        self.other, self.wrong = (cells.status(name)[self.features] for name in ("other", "type_error"))
        self.values, self.baseline = self.of(context.reference.sums)
        self.without_baseline: BoolArray = self.values == 0

    def of(self, sums: Sums) -> tuple[FloatArray, FloatArray]:
        """Return the number of values of each feature, and the share of them in its fullest bin, (…, features)."""
        counts = sums["variable_counts"]
        if not len(self.features):
            none = np.zeros((*counts.shape[:-1], 0))
            return none, none
        bins = counts[..., self.cells]
        values = np.add.reduceat(bins, self.starts, axis=-1) + counts[..., self.other] + counts[..., self.wrong]
        ratio = np.maximum.reduceat(bins, self.starts, axis=-1) / np.maximum(values, 1)
        return values.astype(np.float64), ratio


class Modal(JointSignal):
    """Share of a feature's values in its fullest bin: near 1 where it hardly varies; higher is worse.

    ``max_b c_b / n`` with ``c`` the counts of the fine bins (quantiles of the baseline, about 250) or categories,
    and ``n`` all values: unseen categories, infinities and wrong types among them, missing and absent ones not.
    Beside the baseline's own share it tells a frozen sensor, a default in place of a value, a join that finds one
    row.
    A value is not seen: what varies within one fine bin alone counts as frozen, too. Features that follow the
    calendar stand still within short windows by nature.

    Range: 1 / bins to 1; 1 for a feature with a single value.
    Minimum samples: the configured minimum of values in the window; below it there is no sample.
    Cost: O(fine bins), whatever the number of events.
    """

    key = "feature_modal"
    metrics = (_RATIO, _BASELINE)

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the shares of each window; features with too few values have none."""
        places = views.context.derived(_Places)
        values, ratio = places.of(views.sums)
        few = values < views.context.minimum_samples
        silent = few | places.without_baseline
        return map(self._of_view, views, values, np.where(silent, np.nan, ratio), few, silent)

    def _of_view(
        self, view: View, values: FloatArray, ratio: FloatArray, few: BoolArray, silent: BoolArray
    ) -> Samples:
        places = view.context.derived(_Places)
        if not silent.all():
            yield Block(_RATIO, view.scope, places.rows, ratio)
        if silent.any():
            reasons = [(places.without_baseline, NO_BASELINE), (values == 0, NO_EVENTS), (few, TOO_FEW_SAMPLES)]
            yield from absences(view.scope, self.key, places.names, reasons)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the baseline's shares, if there is a baseline."""
        places = context.derived(_Places)
        if not places.without_baseline.all():
            shown = np.where(places.without_baseline, np.nan, places.baseline)
            yield Block(_BASELINE, (context.schema.name, version), places.rows, shown)


SIGNAL: Final = Modal()
