"""How noisy the PSI of each variable is, as one number, so that a fleet's noise floor follows from its samples."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.metrics import ONE, Block, gauge
from ml_exporter.signals.drift.measure import DriftSignal
from ml_exporter.signals.drift.psi import MEASURE as PSI
from ml_exporter.signals.signal import ModelContext, Samples, Signal

FEWEST: Final = 100
"""Samples from which on the scale is a bound (chosen): below, single events make floors jump."""

_FEATURE = gauge(
    "ml_baseline_feature_drift_psi_noise_scale",
    "c of a feature: without drift its psi stays below c (1 / window rows + 1 / baseline rows).",
    *("model", "version", "feature"),
)
_OUTPUT = gauge(
    "ml_baseline_prediction_drift_psi_noise_scale",
    "c of the predictions: without drift their psi stays below c (1 / window rows + 1 / baseline rows).",
    *("model", "version"),
)


def noise_scale(floors: FloatArray, sizes: IntArray, rows: int) -> FloatArray:
    """Return ``c`` (variables,) so that ``c (1 / n + 1 / m)`` bounds the noise floor at n >= 100 samples.

    Without drift PSI is of the order ``1 / n + 1 / m``, with n the rows of the window and m (``rows``) those of
    the baseline: ``c = max_s floor(s) / (1 / s + 1 / m)`` over the fitted window ``sizes`` (sizes,) from 100 on;
    ``floors`` is (variables, sizes), NaN where nothing was fitted. For deciles ``c`` is about 30: the 99.9 %
    quantile of chi-squared with ten degrees of freedom.

    Reference: B. Yurdakul, J. Naranjo, Statistical properties of the population stability index, Journal of
    Risk Model Validation 14 (2020), doi:10.21314/JRMV.2020.227.

    >>> noise_scale(np.array([[0.4, 0.033]]), np.array([100, 1000]), 10_000).round(3).tolist()
    [39.604]
    """
    large = sizes >= FEWEST
    scales: FloatArray = (floors[:, large] / (1.0 / sizes[large] + 1.0 / rows)).max(axis=1, initial=0.0)
    return scales


class NoiseScale(Signal):
    """The scale of the PSI noise of every feature and of the predictions; it says nothing of drift."""

    key = "drift_noise_scale"
    metrics = (_FEATURE, _OUTPUT)
    _psi = DriftSignal(PSI)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the scales, if the baseline holds noise floors."""
        reference = context.reference
        floors = reference.noise.floors.get(PSI.key)
        if floors is None or not reference.rows:
            return
        scales = np.asarray(noise_scale(floors, reference.noise.samples, reference.rows))
        places, scope = context.derived(self._psi.places), (context.schema.name, version)
        if len(places.features):
            yield Block(_FEATURE, scope, places.rows, scales[places.features])
        if len(places.output):
            yield Block(_OUTPUT, scope, ONE, scales[places.output])


SIGNAL: Final = NoiseScale()
