"""PCA reconstruction error."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.metrics import NoData, gauge, one
from ml_exporter.signals.multivariate.mmd import WINDOW
from ml_exporter.signals.signal import (
    NO_BASELINE,
    NO_EVENTS,
    TOO_FEW_SAMPLES,
    ModelContext,
    Samples,
    Signal,
    View,
)
from ml_exporter.sums.fixed import VALUES
from ml_exporter.sums.layout import Sums
from ml_exporter.sums.multivariate import SQUARES

_ERROR = gauge(
    "ml_multivariate_drift_reconstruction_error",
    "Mean distance of complete rows within the window from the baseline's principal components.",
    *WINDOW,
)
_STANDARD_ERROR = gauge(
    "ml_multivariate_drift_reconstruction_error_standard_error",
    "Standard error of the difference of the mean reconstruction error to the baseline's.",
    *WINDOW,
)
_SAMPLES = gauge(
    "ml_multivariate_drift_reconstruction_error_samples",
    "Rows within the window that lack no feature, on which the reconstruction error rests.",
    *WINDOW,
)
_BASELINE = gauge(
    "ml_baseline_multivariate_drift_reconstruction_error",
    "Mean distance of complete rows of the baseline from its principal components.",
    *("model", "version"),
)
_DEVIATION = gauge(
    "ml_baseline_multivariate_drift_reconstruction_error_standard_deviation",
    "Standard deviation of the distance of complete rows of the baseline from its principal components.",
    *("model", "version"),
)
_ROWS = gauge(
    "ml_baseline_multivariate_drift_reconstruction_error_samples",
    "Rows of the baseline that lack no feature.",
    *("model", "version"),
)


def reconstruction_error(rows: int, total: float, squares: float) -> tuple[float, float]:
    """PCA reconstruction error: how far rows lie from the structure of the baseline; far from its value is worse.

    A point ``x`` has a coordinate for each feature: numbers in baseline standard deviations from the baseline's
    mean, at most 64; categories by their share of the baseline, standardised. ``V`` holds the principal components
    of the baseline that keep 65 % of its variance: ``e = |x - V^T V x|``. ``total`` and ``squares`` are the sums
    of ``e`` and ``e^2`` over ``rows``; returned are the mean of ``e`` and its standard deviation. The standard
    error of the difference to the baseline's is ``sqrt(s_window^2 / n + s_baseline^2 / m)``; three of them are a
    band.

    Range: 0 and more, in standard deviations. It grows when features no longer go together as they did, and falls
    when they go together more than before.
    Missing: rows that lack a feature are left out; ``..._samples`` says how many are not.
    Minimum samples: the configured minimum of complete rows in the window; below it there is no sample.
    Cost: of an event O(features x components); of a window O(1).

    The components are fitted on at most 20,000 rows of the baseline: where that has only some hundred, its own
    mean is a few percent below that of other rows without drift.

    Reference: NannyML, DataReconstructionDriftCalculator (PCA reconstruction error); I. T. Jolliffe, Principal
    component analysis (2002), section 10.1, doi:10.1007/b98835.

    >>> reconstruction_error(4, 8.0, 20.0)
    (2.0, 1.0)
    """
    mean = total / rows
    return mean, float(np.sqrt(max(squares / rows - mean * mean, 0.0)))


def errors(sums: Sums) -> tuple[int, float, float]:
    """Return the complete rows of some sums, and the mean and the standard deviation of their errors."""
    rows = int(sums["multivariate_rows"][1])
    if not rows:
        return 0, np.nan, np.nan
    total, squares = sums["multivariate_errors"]
    return rows, *reconstruction_error(rows, float(total * VALUES.step), float(squares * SQUARES.step))


class ReconstructionError(Signal):
    """The mean error of a window beside the baseline's, with the standard error of their difference."""

    key = "multivariate_drift_reconstruction_error"
    metrics = (_ERROR, _STANDARD_ERROR, _SAMPLES, _BASELINE, _DEVIATION, _ROWS)

    def over_window(self, view: View) -> Samples:
        """Yield the error, its standard error and the rows behind it."""
        if "multivariate_errors" not in view.sums:
            return
        rows, mean, deviation = errors(view.sums)
        before, _, usual = errors(view.context.reference.sums)
        yield one(_SAMPLES, rows, *view.scope)
        reason = NO_BASELINE if not before else NO_EVENTS if not view.sums["multivariate_rows"][0] else ""
        if reason or rows < max(view.context.minimum_samples, 1):
            yield NoData(view.scope, self.key, reason or TOO_FEW_SAMPLES)
            return
        yield one(_ERROR, mean, *view.scope)
        yield one(_STANDARD_ERROR, float(np.sqrt(deviation**2 / rows + usual**2 / before)), *view.scope)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the baseline's mean, standard deviation and rows."""
        if "multivariate_errors" not in context.reference.sums:
            return
        rows, mean, deviation = errors(context.reference.sums)
        if rows:
            for metric, value in ((_BASELINE, mean), (_DEVIATION, deviation), (_ROWS, rows)):
                yield one(metric, value, context.schema.name, version)


SIGNAL: Final = ReconstructionError()
