"""How many labels were joined, how late they came, and what share of the predictions got one."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.metrics import ONE, Block, NoData, gauge, histogram, one
from ml_exporter.signals.performance.outcomes import joined
from ml_exporter.signals.signal import NO_EVENTS, Samples, Signal, View
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


class Labels(Signal):
    """Joined labels: their delay as a classic histogram, the time of the last, the coverage.

    Coverage counts labels by when they arrived. In a window longer than the usual delay it is the share
    of the predictions that get a label, lower is worse; in a shorter one it can exceed 1 as traffic falls.
    """

    key = "labels"
    metrics = (_DELAY, _LAST, _COVERAGE)

    def since_start(self, view: View) -> Samples:
        """Yield the histogram, and the time of the last label once there was one."""
        sums = view.sums["label_delay"]
        yield Block(_DELAY, view.scope, ONE, np.append(sums[:-1], sums[-1] * DELAY.step))
        yield one(_LAST, view.last_label, *view.scope)

    def over_window(self, view: View) -> Samples:
        """Yield the coverage; a window without a prediction has none."""
        predictions = int(view.sums["traffic"][0])
        if predictions:
            yield one(_COVERAGE, joined(view.sums) / predictions, *view.scope)
        else:
            yield NoData(view.scope, "label_coverage", NO_EVENTS)


SIGNAL: Final = Labels()
