"""Logarithmic loss of the best constant score."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import labels_scored, scored


def constant_log_loss(labels: IntArray) -> FloatArray:
    """Logarithmic loss of the best constant score: the entropy of the labels; a model above it is worse than none.

    ``-sum_c r_c ln r_c`` in nats, ``r_c`` the share of the scored outcomes whose true class is c, from their
    counts ``labels`` (…, classes): what always giving these shares as scores would have reached. Returns (…, 1).

    Range: 0 (one class) to ln classes, 0.693 for two. Exact: the counts lose nothing. Neither high nor low is
    good or bad: it is the mark to compare the logarithmic loss with.
    Missing: predictions without a score and labels of unknown classes are left out.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Cost: O(classes).

    Reference: C. Shannon, A mathematical theory of communication, Bell Syst. Tech. J. 27 (1948), section 6,
    doi:10.1002/j.1538-7305.1948.tb01338.x.

    >>> constant_log_loss(np.array([5, 5])).round(6).tolist()
    [0.693147]
    """
    shares = labels / np.maximum(labels.sum(axis=-1, keepdims=True), 1)
    loss: FloatArray = np.abs((shares * np.log(np.where(labels > 0, shares, 1.0))).sum(axis=-1))[..., None]
    return loss


MEASURE: Final = PerformanceMeasure(
    key="constant_log_loss",
    help="Log loss of always giving the shares of the classes as scores, in nats, the mark for log loss",
    tasks=CLASSIFICATION,
    value=lambda sums: constant_log_loss(labels_scored(sums)),
    samples=scored,
)
