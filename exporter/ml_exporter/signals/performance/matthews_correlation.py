"""Matthews correlation coefficient."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Confusion, confused, confusion_of, shares


def matthews_correlation(confusion: Confusion) -> FloatArray:
    """Matthews correlation coefficient: correlation of true and predicted class; lower is worse.

    ``MCC = (c n - sum_k t_k p_k) / sqrt((n^2 - sum_k t_k^2) (n^2 - sum_k p_k^2))`` with ``c`` the right
    predictions, ``n`` all, ``t_k`` those whose true class is k and ``p_k`` those predicted as k, of ``confusion``
    (…, classes, classes), true by predicted class. Returns (…, 1); NaN, and no sample, where the labels or the
    predictions are of one class only (scikit-learn says 0 there).

    Range: 1 (all right) over 0 (no better than chance, and any constant answer) to -1 (two classes, all wrong).
    Exact to rounding: the counts lose nothing.
    Missing: predictions without a class and labels of unknown classes are left out.
    Minimum samples: the configured minimum of labelled predictions; below it there is no sample.
    Cost: O(classes^2).

    Reference: B. Matthews, Biochim. Biophys. Acta 405 (1975), doi:10.1016/0005-2795(75)90109-9; for more than two
    classes J. Gorodkin, Comput. Biol. Chem. 28 (2004), doi:10.1016/j.compbiolchem.2004.09.006.

    >>> matthews_correlation(Confusion.of(np.array([[8, 2], [1, 9]]))).round(6).tolist()
    [0.703526]
    """
    actual, predicted = confusion.actual.astype(float), confusion.predicted.astype(float)
    total = confusion.outcomes.astype(float)
    spread = (total**2 - (actual**2).sum(axis=-1)) * (total**2 - (predicted**2).sum(axis=-1))
    return shares(confusion.hits * total - (actual * predicted).sum(axis=-1), np.sqrt(spread))[..., None]


MEASURE: Final = PerformanceMeasure(
    key="matthews_correlation",
    help="Correlation of true and predicted class (-1 to 1, 0 is chance)",
    tasks=CLASSIFICATION,
    value=lambda sums: matthews_correlation(confusion_of(sums)),
    samples=confused,
)
