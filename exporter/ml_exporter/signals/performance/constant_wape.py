"""Weighted absolute percentage error of the best constant value."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.constant_mae import errors_of_constant
from ml_exporter.signals.performance.label_counts import binned
from ml_exporter.signals.performance.measure import REGRESSION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, shares
from ml_exporter.signals.signal import NO_BASELINE
from ml_exporter.sums.fixed import WIDE


def constant_wape(errors: FloatArray, labels: FloatArray) -> FloatArray:
    """Weighted absolute percentage error of the best constant value: a model above it is worse than none.

    ``sum_i |label_i - m| / sum_i |label_i|`` with the median m of the window's labels: what always giving it would
    have reached. ``errors`` and ``labels`` are the two sums, each (…,). Returns (…, 1); NaN, and no sample, where
    all labels are 0.

    Range: 0 to 1, as a ratio: always giving 0 reaches 1. Neither high nor low is good or bad: it is the mark to
    compare WAPE with.
    Bound: that of :func:`constant_mae`.
    Missing: predictions without a value and labels that are not numbers are left out; without
    labels and predictions in the baseline there is no unit for the bins, and no sample.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(bins), whatever the number of events.

    Reference: S. Kolassa and W. Schütz, Advantages of the MAD/Mean ratio over the MAPE, Foresight 6 (2007).

    >>> constant_wape(np.array(6.0), np.array(10.0)).tolist()
    [0.6]
    """
    return np.asarray(shares(errors, labels))[..., None]


def _value(sums: Outcomes) -> FloatArray:
    return constant_wape(errors_of_constant(sums), WIDE.decode(sums["error_scales"][..., 0, :]))


MEASURE: Final = PerformanceMeasure(
    key="constant_wape",
    help="Weighted absolute percentage error of always giving the median of the labels, the mark for WAPE",
    tasks=REGRESSION,
    value=_value,
    samples=binned,
    unfit=NO_BASELINE,
)
