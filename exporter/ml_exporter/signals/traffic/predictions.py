"""How many predictions there were, how many failed, and when the last one came."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from ml_exporter.core.metrics import ONE, counter, gauge
from ml_exporter.signals.signal import Columns, JointCounters, JointSignal, Samples, Views

_PREDICTIONS = counter("ml_predictions_total", "Predictions counted, each id once.", "model", "version")
_ERRORS = counter(
    "ml_prediction_errors_total", "Predictions that the model server answered with an error.", "model", "version"
)
_LAST = gauge(
    "ml_prediction_last_timestamp_seconds", "Time at which the last prediction was counted.", "model", "version"
)
_WINDOW = gauge("ml_window_predictions", "Predictions within the window.", "model", "version", "window")
_START = gauge(
    "ml_window_start_timestamp_seconds",
    "Time of the first event that the window holds: the window is full once this is its length ago.",
    *("model", "version", "window"),
)


class Predictions(JointCounters, JointSignal):
    """Volume, errors and freshness.

    The error ratio and the rate follow from the counters over any range. A window younger than its
    length holds less than a full one: compare its start with the time before judging it.
    """

    key = "predictions"
    metrics = (_PREDICTIONS, _ERRORS, _LAST, _WINDOW, _START)

    def since_starts(self, views: Views) -> Iterable[Samples]:
        """Yield the counters, and the time of the last prediction once there was one."""
        traffic, last = views.sums["traffic"], np.array([[view.last_prediction] for view in views])
        return Columns(
            views, [(_PREDICTIONS, ONE, traffic[:, :1]), (_ERRORS, ONE, traffic[:, 1:]), (_LAST, ONE, last)]
        )

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the number of predictions in each window and the time of its first."""
        rows, started = views.sums["traffic"][:, :1], np.array([[view.started] for view in views])
        return Columns(views, [(_WINDOW, ONE, rows), (_START, ONE, started)])


SIGNAL: Final = Predictions()
