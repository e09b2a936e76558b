"""Balanced accuracy."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.signals.performance.averages import macro
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Outcomes, confused, confusion_of, shares
from ml_exporter.signals.performance.recall import recall_of


def balanced_accuracy(recall: FloatArray) -> FloatArray:
    """Balanced accuracy: mean recall of the classes, however rare each is; lower is worse.

    ``1/k sum_c recall_c`` over the k classes that a label named, with ``recall`` (…, classes). Also called macro
    recall. Returns (…, 1).

    Range: 0 to 1; 1 / classes for any constant answer. Exact: the counts lose nothing.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample. A rare class
    with a handful of labels weighs as much as the others: look at its recall.
    Standard error: ``1/k sqrt(sum_c recall_c (1 - recall_c) / n_c)`` with n_c the labels of class c, the root of
    the summed variances of k shares. A class of which all labels are predicted alike adds nothing to it: with a
    handful of labels that is too little. NaN if all classes are such: it knows nothing then.
    Cost: O(classes^2).

    Reference: K. Brodersen, C. Ong, K. Stephan, J. Buhmann, The balanced accuracy and its posterior distribution,
    ICPR 2010, doi:10.1109/ICPR.2010.764.

    >>> balanced_accuracy(np.array([8 / 10, 1 / 2])).tolist()
    [0.65]
    """
    return macro(recall)


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    recall = recall_of(sums)
    known: IntArray = (~np.isnan(recall)).sum(axis=-1, keepdims=True)
    variances = shares(recall * (1.0 - recall), confusion_of(sums).actual)
    variance = macro(variances)
    error: FloatArray = np.sqrt(np.where(variance > 0, variance, np.nan) / np.maximum(known, 1))
    return error


MEASURE: Final = PerformanceMeasure(
    key="balanced_accuracy",
    help="Mean recall of the classes (0 to 1)",
    tasks=CLASSIFICATION,
    value=lambda sums: balanced_accuracy(recall_of(sums)),
    samples=confused,
    standard_error=_error,
)
