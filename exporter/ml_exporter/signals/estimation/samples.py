"""How many predictions the estimates rest on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ml_exporter.core.metrics import ONE, gauge, one
from ml_exporter.signals.estimation.measure import expected
from ml_exporter.signals.performance.outcomes import outcomes_of_all, outcomes_of_baseline
from ml_exporter.signals.signal import Columns, JointSignal, ModelContext, Samples, Views

_WINDOW = gauge(
    "ml_estimated_performance_samples",
    "Predictions within the window that carry scores and a class.",
    *("model", "version", "window"),
)
_BASELINE = gauge(
    "ml_baseline_estimated_performance_samples",
    "Predictions of the baseline that carry scores and a class.",
    *("model", "version"),
)


class EstimationSamples(JointSignal):
    """Predictions with calibrated scores within the window; fewer is worse. They need no labels."""

    key = "estimated_samples"
    metrics = (_WINDOW, _BASELINE)

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the number in each window; 0 is a fact here, not a lack."""
        if not views.context.schema.calibration:
            return [()] * len(views)
        return Columns(views, [(_WINDOW, ONE, expected(views.derived(outcomes_of_all))[:, None])])

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the number of the baseline, if it holds a calibration."""
        if context.schema.calibration and (count := int(expected(context.derived(outcomes_of_baseline)))):
            yield one(_BASELINE, count, context.schema.name, version)


SIGNAL: Final = EstimationSamples()
