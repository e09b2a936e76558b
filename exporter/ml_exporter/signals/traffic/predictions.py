"""How many predictions there were, how many failed, and when the last one came."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.metrics import counter, gauge, one
from ml_exporter.signals.signal import Samples, Signal, View

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


class Predictions(Signal):
    """Volume, errors and freshness.

    The error ratio and the rate follow from the counters over any range. A window younger than its
    length holds less than a full one: compare its start with the time before judging it.
    """

    key = "predictions"
    metrics = (_PREDICTIONS, _ERRORS, _LAST, _WINDOW, _START)

    def since_start(self, view: View) -> Samples:
        """Yield the counters, and the time of the last prediction once there was one."""
        predictions, errors = view.sums["traffic"]
        yield one(_PREDICTIONS, predictions, *view.scope)
        yield one(_ERRORS, errors, *view.scope)
        yield one(_LAST, view.last_prediction, *view.scope)

    def over_window(self, view: View) -> Samples:
        """Yield the number of predictions in the window and the time of its first."""
        yield one(_WINDOW, view.sums["traffic"][0], *view.scope)
        yield one(_START, view.started, *view.scope)


SIGNAL: Final = Predictions()
