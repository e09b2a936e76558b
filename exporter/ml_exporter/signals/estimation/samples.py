"""How many predictions the estimates rest on."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.metrics import gauge, one
from ml_exporter.signals.estimation.measure import expected
from ml_exporter.signals.performance.outcomes import Outcomes, outcomes_of_baseline
from ml_exporter.signals.signal import ModelContext, Samples, Signal, View

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


class EstimationSamples(Signal):
    """Predictions with calibrated scores within the window; fewer is worse. They need no labels."""

    key = "estimated_samples"
    metrics = (_WINDOW, _BASELINE)

    def over_window(self, view: View) -> Samples:
        """Yield the number; 0 is a fact here, not a lack."""
        schema = view.context.schema
        if schema.calibration:
            yield one(_WINDOW, int(expected(Outcomes(view.sums, schema))), *view.scope)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the number of the baseline, if it holds a calibration."""
        if context.schema.calibration and (count := int(expected(context.derived(outcomes_of_baseline)))):
            yield one(_BASELINE, count, context.schema.name, version)


SIGNAL: Final = EstimationSamples()
