"""Accuracy of the k most frequent classes."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.measure import By, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, labels_scored
from ml_exporter.signals.performance.top_k_accuracy import rows, samples
from ml_exporter.sums.classification import tops


def constant_top_k_accuracy(labels: IntArray, ks: tuple[int, ...]) -> FloatArray:
    """Accuracy of the k most frequent classes: their share; a model below it is worse than none.

    ``sum of the k largest t_c / sum_c t_c`` with ``t_c`` the scored outcomes whose true class is c, ``labels``
    (…, classes): what always giving these classes the highest scores would have reached. Returns (…, ks).

    Range: k / classes to 1. Exact: the counts lose nothing. Neither high nor low is good or bad: it is the mark to
    compare the accuracy of the k highest scores with.
    Missing: predictions without the scores of all classes and labels of unknown classes are left out; models of
    more than 20 classes have none.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Cost: O(classes log classes).

    Reference: I. Witten, E. Frank, M. Hall, Data Mining, 3rd ed., Morgan Kaufmann 2011, section 3.1 (ZeroR), for
    k classes.

    >>> constant_top_k_accuracy(np.array([5, 1, 2, 2]), (1, 3)).tolist()
    [0.5, 0.9]
    """
    reached = -np.sort(-labels, axis=-1).cumsum(axis=-1)
    share: FloatArray = reached[..., np.array(ks, np.intp) - 1] / np.maximum(reached[..., -1:], 1)
    return share


def _value(sums: Outcomes) -> FloatArray:
    return constant_top_k_accuracy(labels_scored(sums), tops(sums.schema))


MEASURE: Final = PerformanceMeasure(
    key="constant_top_k_accuracy",
    help="Share of the k most frequent classes (0 to 1), the mark for the accuracy of the k highest scores",
    tasks=frozenset({Task.MULTICLASS}),
    value=_value,
    samples=samples,
    by=By("k", rows),
)
