"""Mean absolute percentage error of the best constant value."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.label_counts import LabelCounts, labels_of, median
from ml_exporter.signals.performance.measure import REGRESSION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, no_outcomes, ratio
from ml_exporter.signals.signal import NO_BASELINE


def constant_mape(labels: LabelCounts) -> FloatArray:
    """Mean absolute percentage error of the best constant value: a model above it is worse than none.

    ``1/n sum_i |label_i - m| / |label_i|`` over the labels that are not 0, with the median m of these, each
    weighing as ``1 / |label|``: what always giving it would have reached. Returns (…, 1).

    Range: 0 to 1, as a ratio: always giving 0 reaches 1. Neither high nor low is good or bad: it is the mark to
    compare MAPE with. Small labels draw the best constant towards them.
    Bound: labels are known to 4.5 % of their distance from 0 or from the mean of the baseline's predictions,
    whichever is nearer; those within 2^-12 standard deviations of the predictions around 0, or beyond 2^8 of them,
    count as at half of the one, or as at the other.
    Missing: predictions without a value and labels that are not numbers are left out, as are labels of 0; without
    predictions in the baseline there is no unit for the bins, and no sample.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(bins), whatever the number of events.

    Reference: A. de Myttenaere, B. Golden, B. Le Grand, F. Rossi, Mean absolute percentage error for regression
    models, Neurocomputing 192 (2016), doi:10.1016/j.neucom.2015.12.114.

    >>> constant_mape(LabelCounts(np.array([1, 4, 2]), np.array([0.0, 1.0, 5.0]))).round(6).tolist()
    [0.266667]
    """
    is_some = labels.values != 0
    values, counts = labels.values[is_some], labels.counts[..., is_some]
    weights = counts / np.abs(values)
    errors = (weights * np.abs(values - median(values, weights))).sum(axis=-1)
    return ratio(errors, counts.sum(axis=-1))


def _samples(sums: Outcomes) -> IntArray:
    if "label_bins" not in sums:
        return no_outcomes(sums)
    labels = labels_of(sums)
    return np.asarray(labels.counts[..., labels.values != 0].sum(axis=-1))


MEASURE: Final = PerformanceMeasure(
    key="constant_mape",
    help="Mean absolute percentage error of always giving one best value, the mark for MAPE",
    tasks=REGRESSION,
    value=lambda sums: constant_mape(labels_of(sums)),
    samples=_samples,
    unfit=NO_BASELINE,
)
