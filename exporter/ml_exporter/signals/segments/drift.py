"""Drift of the predictions of each group of each segment."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.metrics import Block, gauge
from ml_exporter.signals.drift.noise_scale import noise_scale
from ml_exporter.signals.drift.psi import MEASURE as PSI
from ml_exporter.signals.drift.psi import psi
from ml_exporter.signals.segments.group import WITHIN, names_of, rows_of
from ml_exporter.signals.signal import (
    NO_BASELINE,
    NO_EVENTS,
    TOO_FEW_SAMPLES,
    ModelContext,
    Samples,
    Signal,
    View,
    absences,
)

_PSI = gauge(
    "ml_segment_prediction_drift_psi",
    "Population stability index of a group's predictions within the window, against that group of the baseline.",
    *WITHIN,
)
_FLOOR = gauge(
    "ml_segment_prediction_drift_psi_noise_floor",
    "What that index stays below without drift at this number of predictions.",
    *WITHIN,
)


def group_psi(window: IntArray, baseline: IntArray) -> FloatArray:
    """Population stability index of each group: its outputs now against its own in the baseline; higher is worse.

    ``window`` and ``baseline`` are counts (groups, bins); :func:`ml_exporter.signals.drift.psi.psi` says how they
    compare. Returns (groups,).

    Range: 0 (same shares) upwards, without unit.
    Bins: those of the predictions of the whole model, ``other`` and ``missing`` last.
    Missing: a prediction without an output counts in the bin ``missing``.
    Minimum samples: the configured minimum of predictions of the group; below it there is no sample.
    Cost: O(groups x bins), whatever the number of events.

    Reference: N. Siddiqi, Credit Risk Scorecards, Wiley 2006.

    >>> group_psi(np.array([[5, 5], [9, 1]]), np.array([[4, 6], [90, 10]])).round(6).tolist()
    [0.040547, 0.0]
    """
    now, before = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) for counts in (window, baseline))
    starts = np.arange(len(window)) * window.shape[1]
    scores: FloatArray = psi(now.ravel(), before.ravel(), starts)
    return scores


def _scale(context: ModelContext) -> float:
    """Return the noise scale of the predictions; NaN if none was fitted."""
    floors = context.reference.noise.floors.get(PSI.key)
    if floors is None:
        return float("nan")
    place = [variable is context.schema.output for variable in context.schema.variables].index(True)
    return float(noise_scale(floors, context.reference.noise.samples, context.reference.rows)[place])


class SegmentDrift(Signal):
    """The index of each group with its noise floor: ``c (1/n + 1/m)`` of its predictions and its baseline's rows.

    ``c`` is that of the predictions of the whole model (``ml_baseline_prediction_drift_psi_noise_scale``).
    """

    key = "segment_drift"
    metrics = (_PSI, _FLOOR)

    def over_window(self, view: View) -> Samples:
        """Yield the scores of the groups with a baseline and enough predictions."""
        if "segment_output" not in view.sums:
            return
        context, window = view.context, view.sums["segment_output"]
        baseline = context.reference.sums["segment_output"]
        rows, before = window.sum(axis=1), baseline.sum(axis=1)
        silent = (rows < context.minimum_samples) | (before == 0)
        if not silent.all():
            places = context.derived(rows_of)
            yield Block(_PSI, view.scope, places, np.where(silent, np.nan, group_psi(window, baseline)))
            floors = context.derived(_scale) * (1.0 / np.maximum(rows, 1) + 1.0 / np.maximum(before, 1))
            yield Block(_FLOOR, view.scope, places, np.where(silent, np.nan, floors))
        reasons = [(before == 0, NO_BASELINE), (rows == 0, NO_EVENTS), (silent, TOO_FEW_SAMPLES)]
        yield from absences(view.scope, self.key, context.derived(names_of), reasons)


SIGNAL: Final = SegmentDrift()
