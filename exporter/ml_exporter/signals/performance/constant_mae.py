"""Mean absolute error of the best constant value."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.label_counts import binned, labels_of, median
from ml_exporter.signals.performance.measure import REGRESSION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, ratio
from ml_exporter.signals.performance.r2 import spread_of
from ml_exporter.signals.signal import NO_BASELINE
from ml_exporter.sums.fixed import WIDE


def constant_mae(errors: FloatArray, outcomes: IntArray) -> FloatArray:
    """Mean absolute error of the best constant value: a model above it is worse than none.

    ``sum_i |label_i - m| / n`` with the median m of the window's labels: what always giving it would have reached.
    ``errors`` is the sum, ``outcomes`` n, each (…,). Returns (…, 1).

    Range: 0 upwards, in the unit of the label. Neither high nor low is good or bad: it is the mark to compare MAE
    with.
    Bound: sums are exact but for labels between the baseline's mean label and the median and in the bin of the
    median, which are known to 4.5 % of their distance from 0 or from the mean of the baseline's labels,
    whichever is nearer, and are taken to fill that bin: of labels of few values far from both it may be too large.
    It is at most the standard deviation of the labels, which is exact.
    Missing: predictions without a value and labels that are not numbers are left out; without
    labels and predictions in the baseline there is no unit for the bins, and no sample.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(bins), whatever the number of events.

    Reference: R. Koenker and G. Bassett, Regression quantiles, Econometrica 46 (1978), doi:10.2307/1913643.

    >>> constant_mae(np.array(6.0), np.array(4)).tolist()
    [1.5]
    """
    return ratio(errors, outcomes)


def errors_of_constant(sums: Outcomes) -> FloatArray:
    """Return the sum of the absolute errors of the best constant value, (…,)."""
    return sums.derived(_errors)


def _errors(sums: Outcomes) -> FloatArray:
    labels, center = labels_of(sums), sums.schema.label_center
    place = median(labels.counts)
    sizes = WIDE.decode(sums["error_scales"][..., 0, :])
    distances = WIDE.decode(sums["label_sums"][..., :2, :]).sum(axis=-1)
    # The errors of 0 and of the center are known exactly; the labels by value tell what the median changes.
    change = np.abs(labels.values - labels.values[place][..., None]) - np.abs(labels.values - center)
    inside = np.take_along_axis(labels.counts, place[..., None], axis=-1)[..., 0] * labels.around(place)
    errors = np.maximum(distances + (labels.counts * change).sum(axis=-1), 0.0) + inside
    # The mean of absolute errors is no more than the root of that of squares, of which the least is known exactly.
    spread = np.sqrt(np.maximum(spread_of(sums), 0.0) * binned(sums))
    least: FloatArray = np.min([errors, distances, sizes, spread], axis=0)
    return least


MEASURE: Final = PerformanceMeasure(
    key="constant_mae",
    help="Mean absolute error of always giving the median of the labels, the mark for MAE",
    tasks=REGRESSION,
    value=lambda sums: constant_mae(errors_of_constant(sums), binned(sums)),
    samples=binned,
    unfit=NO_BASELINE,
)
