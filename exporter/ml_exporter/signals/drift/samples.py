"""How many rows each drift score rests on, and the minimum below which there is no score."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from ml_exporter.core.metrics import Block, Rows, gauge, one
from ml_exporter.core.schema import Role
from ml_exporter.signals.drift.comparison import Comparisons
from ml_exporter.signals.drift.measure import FEATURE_LABELS, WINDOW_LABELS
from ml_exporter.signals.signal import JointSignal, ModelContext, Samples, Views

_SAMPLES = gauge(
    "ml_feature_drift_samples",
    "Rows of a feature within the window; for a numeric feature those with a number.",
    *FEATURE_LABELS,
)
_OUTPUT = gauge(
    "ml_prediction_drift_samples",
    "Predictions within the window that carry an output to compare.",
    *WINDOW_LABELS,
)
_MINIMUM = gauge(
    "ml_minimum_samples", "Samples below which drift and performance have no value.", "model", "version"
)


class _Places:
    def __init__(self, context: ModelContext) -> None:
        roles = [variable.role for variable in context.schema.variables]
        self.features = np.flatnonzero([role is Role.FEATURE for role in roles])
        self.output = np.flatnonzero([role is Role.OUTPUT for role in roles])
        self.rows = Rows.of(context.schema.variables[place].name for place in self.features)


class DriftSamples(JointSignal):
    """Rows behind each drift score, beside the minimum; fewer is worse.

    A numeric variable's rows without a number do not count: KS and Wasserstein rest on the others.
    """

    key = "drift_samples"
    metrics = (_SAMPLES, _OUTPUT, _MINIMUM)

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the rows in each window."""
        places = views.context.derived(_Places)
        pairs = views.derived(Comparisons)
        rows = pairs.window.rows.astype(np.float64)
        rows[: len(pairs.window.present)] = pairs.window.present
        for view, own in zip(views, pairs.by_view(rows), strict=True):
            samples = [one(_OUTPUT, own[place], *view.scope) for place in places.output]
            if len(places.features):
                samples.insert(0, Block(_SAMPLES, view.scope, places.rows, own[places.features]))
            yield samples

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the minimum."""
        yield one(_MINIMUM, context.minimum_samples, context.schema.name, version)


SIGNAL: Final = DriftSamples()
