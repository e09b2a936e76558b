"""Maximum mean discrepancy."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.metrics import NoData, gauge, one
from ml_exporter.signals.signal import (
    NO_BASELINE,
    NO_EVENTS,
    TOO_FEW_SAMPLES,
    UNDEFINED,
    ModelContext,
    Samples,
    Signal,
    View,
)
from ml_exporter.sums.layout import Sums
from ml_exporter.sums.multivariate import PROJECTIONS

WINDOW: Final = ("model", "version", "window")

_MMD = gauge(
    "ml_multivariate_drift_mmd",
    "Maximum mean discrepancy of all features together within the window, against the baseline (0 same).",
    *WINDOW,
)
_FLOOR = gauge(
    "ml_multivariate_drift_mmd_noise_floor",
    "99.9 % quantile of the maximum mean discrepancy without drift at this number of predictions.",
    *WINDOW,
)
_SCALE = gauge(
    "ml_baseline_multivariate_drift_mmd_noise_scale",
    "c: without drift the squared mmd stays below c (1 / window rows + 1 / baseline rows).",
    *("model", "version"),
)


def mmd(window: FloatArray, rows: int, baseline: FloatArray, baseline_rows: int) -> float:
    """Maximum mean discrepancy: how far the features together lie from the baseline's; higher is worse.

    It sees what no feature shows by itself, such as a correlation that is gone. Rows are points: numbers in
    baseline standard deviations from the baseline's mean, at most 64 of them; a gap, whatever its reason, at the
    mean and one unit off on an axis of its own; each category on one. ``window`` and ``baseline`` are the means
    over ``rows`` and ``baseline_rows`` of ``cos a_k`` and ``sin a_k``, (2, D), with ``a_k = w_k x`` the angle of a
    point at D = 64 random frequencies ``w_k``: with ``|u|^2 = sum(u^2) / D`` the squared discrepancy is, unbiased,

        ``MMD^2 = |window - baseline|^2 - (1 - |window|^2) / (n - 1) - (1 - |baseline|^2) / (m - 1)``

    and ``MMD`` its root, 0 where it is negative. Frequencies are normal with standard deviation ``1 / bandwidth``,
    so that the kernel behind it is close to the Gaussian of that bandwidth, the median distance of rows of the
    baseline; they are seeded, and the same for every sidecar.

    Range: 0 (without drift half of the time) to the root of 2, without unit. What one feature moves counts less,
    the more features there are.
    Noise floor: ``sqrt(c (1/n + 1/m))``, ``c`` from the eigenvalues of the baseline's covariance of the features.
    Minimum samples: the configured minimum of predictions in the window; below it there is no sample.
    Cost: of an event O(features x D); of a window O(D), whatever the number of events.

    References: A. Gretton et al., A kernel two-sample test, Journal of Machine Learning Research 13 (2012), lemma
    6; A. Rahimi, B. Recht, Random features for large-scale kernel machines, NIPS 20 (2007).

    >>> here, there = np.array([[0.5], [0.5]]), np.array([[0.5], [-0.5]])
    >>> round(mmd(here, 101, there, 101), 6), mmd(here, 101, here, 101)
    (0.994987, 0.0)
    """
    frequencies = window.shape[-1]
    apart = float(((window - baseline) ** 2).sum()) / frequencies
    scatter = (1.0 - float((window**2).sum()) / frequencies) / (rows - 1)
    scatter += (1.0 - float((baseline**2).sum()) / frequencies) / (baseline_rows - 1)
    return float(np.sqrt(max(apart - scatter, 0.0)))


def means(sums: Sums) -> FloatArray:
    """Return the mean cosine and sine at each frequency, (2, D)."""
    rows = int(sums["multivariate_rows"][0])
    waves: FloatArray = 2.0 * PROJECTIONS.decode(sums["multivariate_projections"]) / rows - 1.0
    return waves


class Mmd(Signal):
    """The discrepancy of all features together, with its noise floor."""

    key = "multivariate_drift_mmd"
    metrics = (_MMD, _FLOOR, _SCALE)

    def over_window(self, view: View) -> Samples:
        """Yield the discrepancy and its noise floor."""
        known, reference = view.context.schema.multivariate, view.context.reference
        if known is None or "multivariate_rows" not in view.sums:
            return
        rows, before = int(view.sums["multivariate_rows"][0]), int(reference.sums["multivariate_rows"][0])
        reason = NO_BASELINE if before < 2 else NO_EVENTS if not rows else ""
        if reason or rows < max(view.context.minimum_samples, 2):
            yield NoData(view.scope, self.key, reason or TOO_FEW_SAMPLES)
            return
        score = mmd(means(view.sums), rows, view.context.derived(_baseline), before)
        if not np.isfinite(score):
            yield NoData(view.scope, self.key, UNDEFINED)
            return
        yield one(_MMD, score, *view.scope)
        yield one(_FLOOR, float(np.sqrt(known.noise_scale * (1 / rows + 1 / before))), *view.scope)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the scale of the noise, if there is a baseline."""
        known = context.schema.multivariate
        if known is not None and context.reference.rows:
            yield one(_SCALE, known.noise_scale, context.schema.name, version)


def _baseline(context: ModelContext) -> FloatArray:
    return means(context.reference.sums)


SIGNAL: Final = Mmd()
