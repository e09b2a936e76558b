"""How many labelled predictions the performance measures rest on."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.metrics import gauge, one
from ml_exporter.signals.performance.outcomes import joined
from ml_exporter.signals.signal import ModelContext, Samples, Signal, View

_WINDOW = gauge(
    "ml_performance_samples",
    "Labelled predictions whose label arrived within the window.",
    *("model", "version", "window"),
)
_BASELINE = gauge("ml_baseline_performance_samples", "Labelled predictions of the baseline.", "model", "version")


class PerformanceSamples(Signal):
    """Labels joined within the window; fewer is worse.

    A measure rests on those whose prediction told what it needs: a score, a class, a value.
    """

    key = "performance_samples"
    metrics = (_WINDOW, _BASELINE)

    def over_window(self, view: View) -> Samples:
        """Yield the number; 0 is a fact here, not a lack."""
        yield one(_WINDOW, joined(view.sums), *view.scope)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the number of the baseline, if it has labels."""
        if count := joined(context.reference.sums):
            yield one(_BASELINE, count, context.schema.name, version)


SIGNAL: Final = PerformanceSamples()
