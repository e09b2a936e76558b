"""How many labels were joined, how late they came, and what share of the predictions got one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from ml_exporter.core.metrics import ONE, NoData, gauge, histogram, one
from ml_exporter.signals.performance.outcomes import joined
from ml_exporter.signals.signal import NO_EVENTS, Columns, JointCounters, Samples, View, Views
from ml_exporter.sums.fixed import DELAY
from ml_exporter.sums.labels import DELAY_BUCKETS

_DELAY = histogram(
    "ml_label_delay_seconds",
    "Time from a prediction to its label.",
    DELAY_BUCKETS,
    *("model", "version"),
)
_LAST = gauge("ml_label_last_timestamp_seconds", "Time at which the last label was joined.", "model", "version")
_COVERAGE = gauge(
    "ml_label_coverage_ratio",
    "Labels that arrived within the window per prediction within the window.",
    *("model", "version", "window"),
)


class Labels(JointCounters):
    """Joined labels: their delay as a classic histogram, the time of the last, the coverage.

    Coverage counts labels by when they arrived. In a window longer than the usual delay it is the share
    of the predictions that get a label, lower is worse; in a shorter one it can exceed 1 as traffic falls.
    """

    key = "labels"
    metrics = (_DELAY, _LAST, _COVERAGE)

    def since_starts(self, views: Views) -> Iterable[Samples]:
        """Yield the histogram, and the time of the last label once there was one."""
        buckets = views.sums["label_delay"].astype(np.float64)
        buckets[:, -1] *= DELAY.step
        last = np.array([[view.last_label] for view in views])
        return Columns(views, [(_DELAY, ONE, buckets), (_LAST, ONE, last)])

    def over_window(self, view: View) -> Samples:
        """Yield the coverage; a window without a prediction has none."""
        predictions = int(view.sums["traffic"][0])
        if predictions:
            yield one(_COVERAGE, joined(view.sums) / predictions, *view.scope)
        else:
            yield NoData(view.scope, "label_coverage", NO_EVENTS)


SIGNAL: Final = Labels()
