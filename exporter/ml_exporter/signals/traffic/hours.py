"""The baseline's volume by hour of the week, with which rules compare where there are no earlier weeks yet."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.metrics import Block, Rows, gauge
from ml_exporter.signals.signal import ModelContext, Samples, Signal

_HOURLY: Final = gauge(
    "ml_baseline_hour_predictions",
    "Predictions in this hour of the week (UTC; 0 begins on Sunday at 00:00), mean over the baseline's weeks.",
    *("model", "version", "hour_of_week"),
)


class Hours(Signal):
    """Mean predictions of each hour of the week in the baseline, if it was fitted with times."""

    key = "baseline_hours"
    metrics = (_HOURLY,)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield those that the baseline tells."""
        hourly = context.reference.hourly
        known = np.flatnonzero(~np.isnan(hourly))
        if len(known):
            rows = Rows.of([str(hour) for hour in known.tolist()])
            yield Block(_HOURLY, (context.schema.name, version), rows, hourly[known])


SIGNAL: Final = Hours()
