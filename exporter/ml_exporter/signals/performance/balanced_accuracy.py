"""Balanced accuracy."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.averages import macro
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure, confused
from ml_exporter.signals.performance.recall import recall


def balanced_accuracy(confusion: IntArray) -> FloatArray:
    """Balanced accuracy: mean recall of the classes, however rare each is; lower is worse.

    ``1/k sum_c n_cc / sum_d n_cd`` over the k classes that a label named, with ``confusion`` n
    (…, classes, classes), true by predicted class. Also called macro recall. Returns (…, 1).

    Range: 0 to 1; 1 / classes for any constant answer. Exact: the counts lose nothing.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample. A rare class
    with a handful of labels weighs as much as the others: look at its recall.
    Cost: O(classes^2).

    Reference: K. Brodersen, C. Ong, K. Stephan, J. Buhmann, The balanced accuracy and its posterior distribution,
    ICPR 2010, doi:10.1109/ICPR.2010.764.

    >>> import numpy as np
    >>> balanced_accuracy(np.array([[8, 2], [1, 1]])).tolist()
    [0.65]
    """
    return macro(recall(confusion))


MEASURE: Final = PerformanceMeasure(
    key="balanced_accuracy",
    help="Mean recall of the classes (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums, schema: balanced_accuracy(sums["confusion"]),
    samples=confused,
)
