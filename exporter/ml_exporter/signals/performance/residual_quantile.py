"""Quantiles of the residuals."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.metrics import Rows
from ml_exporter.signals.performance.measure import REGRESSION, By, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, no_outcomes
from ml_exporter.signals.performance.uncertainty import Z
from ml_exporter.signals.signal import NO_BASELINE
from ml_exporter.sums.residuals import residual_edges

QUANTILES: Final = (0.05, 0.5, 0.95)


def residual_quantile(bins: IntArray, edges: FloatArray, shares: FloatArray) -> FloatArray:
    """Quantiles of the residuals: the error that a share of the predictions stays below; farther from 0 is worse.

    The q quantile of ``e = prediction - label``, in the unit of the label, is in the first bin at which the
    cumulative count reaches ``q n``; the geometric mean of the bin's ends stands for it. ``bins``
    (…, 2 edges + 1) counts the outcomes by error, ``edges`` (edges,) are the ends of the bins of either sign,
    ``shares`` (…, quantiles) the q. Returns (…, quantiles); NaN without outcomes.

    Range: any number; above 0 the model predicts too much. A median far from 0 is a bias that outliers do not
    make; 0.05 and 0.95 hold nine of ten errors between them.
    Bound: the exact quantile lies in the same bin, so the value is within 4.5 % of it; between 2^-12 standard
    deviations of the baseline's predictions of either sign it is 0, and beyond 2^8 of them their end.
    Missing: predictions without a value and labels that are not numbers are left out; without predictions in the
    baseline there is no unit for the bins, and no sample.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Interval: of 95 %, the quantiles of the shares ``q -+ 1.96 sqrt(q (1 - q) / n)``, by the binomial number of
    errors that stay below; NaN of an end that lies beyond the bins or, with few labels, beyond all of them.
    Cost: O(bins), whatever the number of events.

    Reference: H. David and H. Nagaraja, Order Statistics, 3rd ed., Wiley 2003, section 7.1 (the interval); R.
    Hyndman and Y. Fan, Sample quantiles in statistical packages, Am. Stat. 50 (1996), definition 1,
    doi:10.1080/00031305.1996.10473566; bins as C. Masson, J. Rim, H. Lee, DDSketch, PVLDB 12 (2019),
    doi:10.14778/3352063.3352135.

    >>> residual_quantile(np.array([1, 0, 6, 2, 1]), np.array([1.0, 4.0]), np.array([0.05, 0.5, 0.8])).tolist()
    [-4.0, 0.0, 2.0]
    """
    inside = np.sqrt(edges[:-1] * edges[1:])
    sizes = np.concatenate((inside, edges[-1:]))
    values = np.concatenate((-sizes[::-1], [0.0], sizes))
    reached = bins.cumsum(axis=-1)
    outcomes = reached[..., -1:]
    wanted = np.maximum(np.ceil(np.round(shares * outcomes, 9)), 1)
    first = (reached[..., None, :] >= wanted[..., None]).argmax(axis=-1)
    return np.where(outcomes > 0, values[first], np.nan)


_ROWS: Final = Rows.of(f"{share:g}" for share in QUANTILES)


def _samples(sums: Outcomes) -> IntArray:
    return sums["residual_bins"].sum(axis=-1) if "residual_bins" in sums else no_outcomes(sums)


def _value(sums: Outcomes) -> FloatArray:
    edges = residual_edges(sums.schema)
    assert edges is not None
    return residual_quantile(sums["residual_bins"], edges, np.array(QUANTILES))


def _interval(sums: Outcomes) -> tuple[FloatArray, FloatArray]:
    edges, shares = residual_edges(sums.schema), np.array(QUANTILES)
    assert edges is not None
    samples = np.maximum(_samples(sums), 1)[..., None]
    half = Z * np.sqrt(shares * (1.0 - shares) / samples)
    low, high = (residual_quantile(sums["residual_bins"], edges, shares + move) for move in (-half, half))
    ends = (low, shares > half), (high, shares + half < 1.0)
    lower, upper = (np.where(is_told & (np.abs(end) < edges[-1]), end, np.nan) for end, is_told in ends)
    return lower, upper


MEASURE: Final = PerformanceMeasure(
    key="residual_quantile",
    help="Quantile of prediction minus label in the unit of the label (0 is best)",
    tasks=REGRESSION,
    value=_value,
    samples=_samples,
    unfit=NO_BASELINE,
    interval=_interval,
    by=By("share", lambda context: _ROWS),
)
