"""Cumulative sum of errors: since when the model errs more than on its baseline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.metrics import NoData, gauge, one
from ml_exporter.signals.performance.outcomes import joined
from ml_exporter.signals.performance.trail import errors_of
from ml_exporter.signals.signal import (
    NO_BASELINE,
    NO_LABELS,
    NO_SCORES,
    TOO_FEW_SAMPLES,
    JointSignal,
    ModelContext,
    Samples,
    Trail,
    View,
    Views,
)
from ml_exporter.sums.fixed import WIDE

SHIFT: Final = 0.2
"""The rise of the mean error that is looked for, in standard deviations of the baseline's errors (chosen)."""

_METRIC = gauge(
    "ml_performance_error_cusum",
    "Evidence in nats that errors rose above the baseline's at some time within the window and stayed there.",
    *("model", "version", "window"),
)
_START = gauge(
    "ml_performance_error_cusum_start_timestamp_seconds",
    "Since when the errors add up to ml_performance_error_cusum: the first event of that slice of the window.",
    *("model", "version", "window"),
)


def error_cusum(gains: FloatArray) -> FloatArray:
    """Return Page's cumulative sum ``W_t = max(0, W_(t-1) + gains_t)``, (…, slices), of ``gains`` (…, slices).

    >>> error_cusum(np.array([1.0, -2.0, 0.5, 1.0])).tolist()
    [1.0, 0.0, 0.5, 1.5]
    """
    sums = np.cumsum(gains, axis=-1)
    return sums - np.minimum(np.minimum.accumulate(sums, axis=-1), 0.0)


@dataclass(frozen=True, slots=True)
class _Errors:
    """Mean and standard deviation of the baseline's errors; 0 outcomes where it has none."""

    outcomes: int
    mean: float = np.nan
    deviation: float = np.nan
    shares: bool = False

    @classmethod
    def of(cls, context: ModelContext) -> _Errors:
        sums = context.reference.sums
        outcomes, total = errors_of(sums)
        if not outcomes:
            return cls(0)
        if context.schema.is_classifier:
            mean = (total + 1.0) / (outcomes + 2.0)
            spread = mean * (1.0 - mean)
        else:
            mean = total / outcomes
            spread = float(WIDE.decode(sums["error_sums"][2])) / outcomes - mean**2
        deviation = float(np.sqrt(max(spread, 0.0)))
        return cls(outcomes, mean + 2.0 * deviation / np.sqrt(outcomes), deviation, context.schema.is_classifier)

    def gains(self, outcomes: FloatArray, errors: FloatArray) -> FloatArray:
        """Return the log-likelihood ratio of each slice, of the same shape as what is given."""
        before = self.mean
        if self.shares:
            before = min(before, 1.0 - 1e-9)
            after = min(before + SHIFT * self.deviation, (1.0 + before) / 2.0)
            right = outcomes - errors
            ratio: FloatArray = errors * np.log(after / before) + right * np.log((1.0 - after) / (1.0 - before))
            return ratio
        gains: FloatArray = SHIFT * (errors - outcomes * before) / self.deviation - outcomes * SHIFT**2 / 2.0
        return gains


class ErrorCusum(JointSignal):
    """Evidence that the errors have risen above the baseline's and stayed there; higher is worse.

    Page's cumulative sum over the slices t of the window, ``W_t = max(0, W_(t-1) + g_t)``, of which the last is
    shown, with ``g_t`` the logarithm of how much likelier the slice's errors are after a rise than before it.
    Classes: of ``e`` wrong ones among ``n``, ``g = e ln(q / p) + (n - e) ln((1 - q) / (1 - p))``, ``p`` the
    baseline's share of wrong ones, ``q = p + 0.2 sqrt(p (1 - p))``. Regression: of the sum ``a`` of ``n`` absolute
    errors, ``g = 0.2 (a - n m) / s - n 0.02``, ``m`` and ``s`` the mean and standard deviation of the baseline's.
    ``p`` and ``m`` are taken two standard errors of the baseline too high. Beside it is the start of the slice
    from which on W has not been 0: an estimate of when the change came.

    A small lasting rise adds up that no single slice shows; a rise of less than half of 0.2 standard deviations
    never does. It is the test of Page and Hinkley with the baseline's mean in place of the running one. The order
    of slices counts, not that of events within one: it follows from the window's sums like any other number, and
    restarts with them. A fleet has no such sum; each replica shows its own.

    Range: 0 upwards, in nats. Without a change, and with errors that do not depend on each other, at most one
    moment in e^h shows h or more: 1 % from 4.6 on, 0.1 % from 6.9 on; exactly so for classes, for a regression
    whose errors fall off exponentially one in e^(0.88 h). Hours of the day with more errors than others add up,
    too: look at a window of whole days.
    Missing: predictions without a class or value are left out; without labels in the baseline there is no sample.
    Minimum samples: the configured minimum of labelled predictions in the window; below it there is no sample.
    Cost: O(slices), whatever the number of events.

    Reference: E. Page, Continuous inspection schemes, Biometrika 41 (1954), doi:10.1093/biomet/41.1-2.100; G.
    Lorden, Procedures for reacting to a change in distribution, Ann. Math. Stat. 42 (1971),
    doi:10.1214/aoms/1177693055.
    """

    key = "error_cusum"
    metrics = (_METRIC, _START)

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the last value of each window, and the start where it is not 0."""
        baseline = views.context.derived(_Errors.of)
        known = baseline.outcomes and baseline.deviation > 0
        trails = [_trail(view) for view in views]
        # Slices without labels before the first one, which add nothing, make all windows equally long.
        steps = np.zeros((len(views), max(map(len, trails)) + 1, 3))
        for place, trail in enumerate(trails):
            if trail:
                steps[place, -len(trail) :] = trail
        starts, counts, errors = steps[..., 0], steps[..., 1], steps[..., 2]
        values = error_cusum(baseline.gains(counts, errors)) if known else starts
        last = values.shape[1] - 1
        rising = np.minimum(last + 1 - (values[:, ::-1] <= 0.0).argmax(axis=1), last)
        since = [trail[place] for trail, place in zip(starts, rising.tolist(), strict=True)]
        return map(self._of_view, views, counts.sum(axis=1).tolist(), values[:, -1].tolist(), since)

    def _of_view(self, view: View, outcomes: float, value: float, since: float) -> Samples:
        baseline = view.context.derived(_Errors.of)
        if outcomes < max(view.context.minimum_samples, 1):
            few = NO_SCORES if joined(view.sums) else NO_LABELS
            yield NoData(view.scope, self.key, TOO_FEW_SAMPLES if outcomes else few)
        elif not baseline.outcomes or not baseline.deviation > 0:
            yield NoData(view.scope, self.key, NO_BASELINE)
        else:
            yield one(_METRIC, value, *view.scope)
            if value > 0 and np.isfinite(since):
                yield one(_START, since, *view.scope)


def _trail(view: View) -> Trail:
    """Return the slices of a window with labelled predictions; the whole window where it has no slices."""
    trail = view.trail() if view.trail else [(view.started, *errors_of(view.sums))]
    return [part for part in trail if part[1]]


SIGNAL: Final = ErrorCusum()
