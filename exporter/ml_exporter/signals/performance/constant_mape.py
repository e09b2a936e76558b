"""Mean absolute percentage error of the best constant value."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.constant_mae import errors_of_constant
from ml_exporter.signals.performance.label_counts import LabelCounts, labels_of, median
from ml_exporter.signals.performance.measure import REGRESSION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, no_outcomes, ratio
from ml_exporter.signals.signal import NO_BASELINE


def constant_mape(labels: LabelCounts, errors: FloatArray) -> FloatArray:
    """Mean absolute percentage error of the best constant value: a model above it is worse than none.

    ``1/n sum_i |label_i - m| / |label_i|`` over the labels that are not 0, with the median m of these, each
    weighing as ``1 / |label|``: what always giving it would have reached. ``errors`` (…,) is the sum of the
    absolute errors of the constant that is best for these. Returns (…, 1).

    Range: 0 to 1, as a ratio: always giving 0 reaches 1. Neither high nor low is good or bad: it is the mark to
    compare MAPE with. Small labels draw the best constant towards them.
    Bound: labels are known to 4.5 % of their distance from 0 or from the mean of the baseline's labels, whichever
    is nearer. It is at most that of the constant that is best for MAE.
    Missing: predictions without a value and labels that are not numbers are left out, as are labels of 0; without
    labels and predictions in the baseline there is no unit for the bins, and no sample. NaN, and no sample, if
    more than one of 20 labels lies beyond 2^8 times the spread of the baseline's labels, where the bins end, or
    nearer to 0 than 2^-12 times that.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(bins), whatever the number of events.

    Reference: A. de Myttenaere, B. Golden, B. Le Grand, F. Rossi, Mean absolute percentage error for regression
    models, Neurocomputing 192 (2016), doi:10.1016/j.neucom.2015.12.114.

    >>> labels = LabelCounts(np.array([0, 1, 4, 2, 0]), np.array([-9.0, 0.0, 1.0, 5.0, 9.0]), np.zeros(5),
    np.zeros(5, bool)) >>> constant_mape(labels, np.array(9.0)).round(6).tolist() [0.266667]
    """
    is_some = labels.values != 0
    some = LabelCounts(
        labels.counts[..., is_some], labels.values[is_some], labels.widths[is_some], labels.unknown[is_some]
    )
    weights = some.counts / np.abs(some.values)
    place = median(weights)
    inside = np.take_along_axis(weights, place[..., None], axis=-1)[..., 0] * some.around(place)
    found = (weights * np.abs(some.values - some.values[place][..., None])).sum(axis=-1) + inside
    least = np.minimum(found, some.relative(errors))
    outcomes = some.counts.sum(axis=-1)
    return np.where(labels.known(), np.minimum(ratio(least, outcomes), 1.0), np.nan)


def _samples(sums: Outcomes) -> IntArray:
    if "label_bins" not in sums:
        return no_outcomes(sums)
    labels = labels_of(sums)
    return np.asarray(labels.counts[..., labels.values != 0].sum(axis=-1))


MEASURE: Final = PerformanceMeasure(
    key="constant_mape",
    help="Mean absolute percentage error of always giving one best value, the mark for MAPE",
    tasks=REGRESSION,
    value=lambda sums: constant_mape(labels_of(sums), errors_of_constant(sums)),
    samples=_samples,
    unfit=NO_BASELINE,
)
