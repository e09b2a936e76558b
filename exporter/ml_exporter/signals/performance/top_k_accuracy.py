"""Accuracy of the k highest scores."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.metrics import Rows
from ml_exporter.core.schema import Task
from ml_exporter.signals.performance.measure import By, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, no_outcomes
from ml_exporter.signals.performance.uncertainty import wilson
from ml_exporter.signals.signal import ModelContext
from ml_exporter.sums.classification import tops


def top_k_accuracy(hits: IntArray, outcomes: IntArray) -> FloatArray:
    """Accuracy of the k highest scores: share of outcomes whose class is among them; lower is worse.

    ``hits_k / n`` with ``hits`` (…, ks) the outcomes whose true class has one of the k highest scores,
    ``outcomes`` (…,) n; k is 3 and 5, where the model has more classes. Of two classes with one score the later
    in the order of the classes comes first, as in scikit-learn. Returns (…, ks).

    Range: 0 to 1; k / classes is chance for classes of one size. Exact: the counts lose nothing.
    Missing: predictions without the scores of all classes and labels of unknown classes are left out; models of
    more than 20 classes have none.
    Minimum samples: the configured minimum of scored outcomes; below it there is no sample.
    Interval: Wilson's, of 95 %.
    Cost: O(1).

    Reference: O. Russakovsky et al., ImageNet large scale visual recognition challenge, Int. J. Comput. Vis. 115
    (2015), section 4.1, doi:10.1007/s11263-015-0816-y.

    >>> top_k_accuracy(np.array([8, 9]), 10).tolist()
    [0.8, 0.9]
    """
    shares: FloatArray = hits / np.maximum(outcomes, 1)[..., None]
    return shares


def rows(context: ModelContext) -> Rows:
    """Return one row for each k."""
    return Rows.of(str(k) for k in tops(context.schema))


def samples(sums: Outcomes) -> IntArray:
    """Return the number of outcomes whose class was looked for among the highest scores, (…,)."""
    return sums["top_hits"][..., 0] if "top_hits" in sums else no_outcomes(sums)


def _value(sums: Outcomes) -> FloatArray:
    return top_k_accuracy(sums["top_hits"][..., 1:], samples(sums))


MEASURE: Final = PerformanceMeasure(
    key="top_k_accuracy",
    help="Share of scored outcomes whose class has one of the k highest scores (0 to 1)",
    tasks=frozenset({Task.MULTICLASS}),
    value=_value,
    samples=samples,
    interval=lambda sums: wilson(sums["top_hits"][..., 1:], samples(sums)[..., None]),
    by=By("k", rows),
)
