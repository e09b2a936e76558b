"""What the signals say of some sums, by metric and label values."""

from __future__ import annotations

import numpy as np

from ml_exporter.core.metrics import Block, NoData
from ml_exporter.signals import drift, performance, quality
from ml_exporter.signals.signal import ModelContext, View, Views
from ml_exporter.sums.layout import Sums

_WINDOW = "all"


class Numbers:
    """The samples of all signals of drift, data quality and performance over some sums, and over the baseline."""

    def __init__(self, context: ModelContext, sums: Sums) -> None:
        self._values: dict[str, dict[tuple[str, ...], float]] = {}
        self._reasons: dict[tuple[str, str], str] = {}
        views = Views([View(context, context.version, sums, _WINDOW)])
        for signal in (*quality.SIGNALS, *drift.SIGNALS, *performance.SIGNALS):
            (samples,) = signal.over_windows(views)
            for sample in (*samples, *signal.of_baseline(context, context.version)):
                if isinstance(sample, NoData):
                    self._reasons[sample.signal, sample.feature] = sample.reason
                else:
                    self._add(sample)

    def _add(self, block: Block) -> None:
        values = self._values.setdefault(block.metric.name, {})
        for row, value in zip(block.rows.values, block.values.tolist(), strict=True):
            if not np.isnan(value):
                values[row] = value

    def value(self, metric: str, *row: str) -> float | None:
        """Return the value of a series, None if it has none."""
        return self._values.get(metric, {}).get(row)

    def rows(self, metric: str) -> list[tuple[str, ...]]:
        """Return the label values of a metric's series."""
        return list(self._values.get(metric, {}))

    def reason(self, signal: str, feature: str = "") -> str:
        """Return why a signal has no sample, empty if it told none."""
        return self._reasons.get((signal, feature)) or self._reasons.get((signal, ""), "")
