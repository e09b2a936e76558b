"""Brier score of the best constant score."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, labels_scored, scored


def constant_brier(labels: IntArray) -> FloatArray:
    """Brier score of the best constant score: the spread of the labels; a model above it is worse than none.

    ``1 - sum_c r_c^2``, ``r_c`` the share of the scored outcomes whose true class is c, from their counts
    ``labels`` (…, classes): what always giving these shares as scores would have reached. Of two classes half of
    it, ``r (1 - r)``, as the Brier score is of the positive class alone there. Returns (…, 1) for many classes.

    Range: 0 (one class) to 1 - 1 / classes; 0.25 for two. Exact: the counts lose nothing. Neither high nor low is
    good or bad: it is the mark to compare the Brier score with.
    Missing: predictions without a score and labels of unknown classes are left out.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Cost: O(classes).

    Reference: A. Murphy, A new vector partition of the probability score, J. Appl. Meteorol. 12 (1973),
    doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2: its uncertainty.

    >>> constant_brier(np.array([5, 3, 2])).round(6).tolist()
    [0.62]
    """
    shares = labels / np.maximum(labels.sum(axis=-1, keepdims=True), 1)
    return np.asarray(1.0 - (shares**2).sum(axis=-1))[..., None]


def _value(sums: Outcomes) -> FloatArray:
    return constant_brier(labels_scored(sums)) * (0.5 if sums.schema.task is Task.BINARY else 1.0)


MEASURE: Final = PerformanceMeasure(
    key="constant_brier",
    help="Brier score of always giving the shares of the classes as scores, the mark for the Brier score",
    tasks=CLASSIFICATION,
    value=_value,
    samples=scored,
)
