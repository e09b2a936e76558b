"""Calibration shift: whether scores still mean what they meant on the baseline."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import NormalDist
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.metrics import ONE, Block, NoData, gauge
from ml_exporter.signals.performance.expected_calibration_error import Tenths, tenths_of
from ml_exporter.signals.performance.outcomes import joined, outcomes_of_all, outcomes_of_baseline, scored
from ml_exporter.signals.signal import (
    NO_BASELINE,
    NO_LABELS,
    NO_SCORES,
    TOO_FEW_SAMPLES,
    UNDEFINED,
    Columns,
    JointSignal,
    Samples,
    View,
    Views,
)

_NORMAL: Final = NormalDist().inv_cdf(0.999)

_TOLD: Final = "over labels that arrived within the window"
_OF: Final = ("model", "version", "window")
_SHIFT = gauge(
    "ml_performance_calibration_shift",
    f"Mean change of the gap between score and observed share since the baseline, by tenth of the score, {_TOLD}.",
    *_OF,
)
_FLOOR = gauge(
    "ml_performance_calibration_shift_noise_floor",
    "What ml_performance_calibration_shift stays below without a shift at this number of labels (99.9 %).",
    *_OF,
)
_BIAS = gauge(
    "ml_performance_calibration_shift_bias",
    f"The same with its sign: positive if scores have become too high, {_TOLD}.",
    *_OF,
)


def calibration_shift(window: Tenths, baseline: Tenths) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the shift, its noise floor and the signed shift, (…,), of windows (…, 10) and a baseline (10,).

    NaN where no tenth has outcomes on both sides. See :class:`CalibrationShift`.

    >>> now = Tenths(np.array([100]), np.array([30]), np.array([50.0]))
    >>> before = Tenths(np.array([100]), np.array([50]), np.array([50.0]))
    >>> [round(float(value), 3) for value in calibration_shift(now, before)]
    [0.2, 0.279, 0.2]
    """
    both = (window.outcomes > 0) & (baseline.outcomes > 0)
    n, m = np.maximum(window.outcomes, 1), np.maximum(baseline.outcomes, 1)
    change = (window.scores - window.hits) / n - (baseline.scores - baseline.hits) / m
    counted = window.outcomes * both
    outcomes = np.add.reduce(counted, axis=-1, keepdims=True, dtype=np.float64)
    outcomes[outcomes == 0.0] = np.nan
    weight = counted / outcomes
    share = (window.hits + baseline.hits + 1.0) / (n + m + 2.0)
    variance = share * (1.0 - share) * (1.0 / n + 1.0 / m)
    deviation = weight * np.sqrt(variance)
    # The mean of the absolute value of a standard normal number, and its variance.
    mean = np.add.reduce(deviation, axis=-1) * np.sqrt(2.0 / np.pi)
    spread = np.add.reduce(deviation * deviation, axis=-1) * (1.0 - 2.0 / np.pi)
    shape = mean * mean / spread
    floor = mean * (1.0 - 1.0 / (9.0 * shape) + _NORMAL / (3.0 * np.sqrt(shape))) ** 3
    change *= weight
    return np.add.reduce(np.abs(change), axis=-1), floor, np.add.reduce(change, axis=-1)


class CalibrationShift(JointSignal):
    """Mean change of the gap between score and observed share since the baseline; higher is worse.

    ``sum_k w_k |g_k - h_k|`` over the tenths of the score, ``g_k`` the mean score less the observed share of the
    window in tenth k, ``h_k`` that of the baseline, ``w_k`` the tenth's share of the window's outcomes. Binary: of
    the positive class. Beside it the same with its sign, ``sum_k w_k (g_k - h_k)``: above 0 the scores have become
    too high (too sure of the positive class), below 0 too low. A model that was never calibrated has no shift
    while it errs as it did: its expected calibration error is high on both sides. When it shifts, scores need a
    new calibration, and cuts on them a new look, even if ROC AUC stands.

    Noise floor: the 99.9 % quantile without a shift, of a gamma distribution with the mean and variance of
    ``sum_k w_k |z_k|``, ``z_k`` normal with variance ``r_k (1 - r_k) (1 / n_k + 1 / m_k)``; ``r_k`` is the
    observed share of both sides together, ``n_k`` and ``m_k`` their outcomes. The quantile is by Wilson's and
    Hilferty's formula, which lies 0.1 to 1.6 % above the exact one for one to ten tenths.

    Range: 0 to 1; identical sides give 0. Tenths without outcomes on one side are left out.
    Bound: scores are summed with steps of 2^-30, so the value is within 1e-9.
    Missing: predictions without a score and labels of unknown classes are left out; without scored labels in the
    baseline there is no sample.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Cost: O(bins), whatever the number of events.

    Reference: M. Naeini, G. Cooper, M. Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning,
    AAAI 2015 (the bins); F. Leone, L. Nelson, R. Nottingham, The folded normal distribution, Technometrics 3
    (1961), doi:10.1080/00401706.1961.10489974 (the noise); E. Wilson, M. Hilferty, The distribution of chi-square,
    PNAS 17 (1931), doi:10.1073/pnas.17.12.684 (its quantile).
    """

    key = "calibration_shift"
    metrics = (_SHIFT, _FLOOR, _BIAS)

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the shift, its noise floor and the signed shift of each window."""
        if not views.context.schema.is_classifier:
            return [()] * len(views)
        sums = views.derived(outcomes_of_all)
        baseline = views.context.derived(outcomes_of_baseline)
        samples = scored(sums)
        if not samples.any() or not scored(baseline):
            return map(self._without, views, samples.tolist())
        found = calibration_shift(tenths_of(sums), tenths_of(baseline))
        if min(samples.tolist()) >= max(views.context.minimum_samples, 1) and not np.isnan(found[0]).any():
            return Columns(
                views, [(metric, ONE, part[:, None]) for metric, part in zip(self.metrics, found, strict=True)]
            )
        return map(self._of_view, views, samples.tolist(), np.stack(found, axis=-1))

    def _of_view(self, view: View, samples: int, found: FloatArray) -> Samples:
        if samples < max(view.context.minimum_samples, 1):
            return self._without(view, samples)
        if np.isnan(found[0]):
            return [NoData(view.scope, self.key, UNDEFINED)]
        return [Block(metric, view.scope, ONE, found[n : n + 1]) for n, metric in enumerate(self.metrics)]

    def _without(self, view: View, samples: int) -> Samples:
        if samples < max(view.context.minimum_samples, 1):
            few = NO_SCORES if joined(view.sums) else NO_LABELS
            return [NoData(view.scope, self.key, TOO_FEW_SAMPLES if samples else few)]
        return [NoData(view.scope, self.key, NO_BASELINE)]


SIGNAL: Final = CalibrationShift()
