"""Matthews correlation coefficient."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.performance.measure import CLASSIFICATION, PerformanceMeasure
from ml_exporter.signals.performance.outcomes import Confusion, Outcomes, confused, confusion_of, shares
from ml_exporter.signals.performance.uncertainty import error_of_counts


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
    Standard error: by the delta method from counts n that are multinomial, the root of ``sum_ij n_ij g_ij^2`` with
    ``g_ij = (n [i = j] + c - p_i - t_j) / sqrt(A B) - MCC ((n - t_i) / A + (n - p_j) / B)``, A and B the two
    factors under the root above; NaN where it is 0, as if all predictions are right: it knows nothing then.
    Cost: O(classes^2).

    Reference: B. Matthews, Biochim. Biophys. Acta 405 (1975), doi:10.1016/0005-2795(75)90109-9; for more than two
    classes J. Gorodkin, Comput. Biol. Chem. 28 (2004), doi:10.1016/j.compbiolchem.2004.09.006;
    A. Agresti, Categorical Data Analysis, 3rd ed., Wiley 2013, section 16.1 (the error).

    >>> matthews_correlation(Confusion.of(np.array([[8, 2], [1, 9]]))).round(6).tolist()
    [0.703526]
    """
    shared = (confusion.actual.astype(float) * confusion.predicted).sum(axis=-1)
    true, named = spreads(confusion)
    return shares(confusion.hits * confusion.outcomes.astype(float) - shared, np.sqrt(true * named))[..., None]


def spreads(of: Confusion) -> tuple[FloatArray, FloatArray]:
    """Return the square of the outcomes less those of each class, by true and by predicted class, each (…,)."""
    square = of.outcomes.astype(float) ** 2
    return square - (of.actual.astype(float) ** 2).sum(axis=-1), square - (of.predicted.astype(float) ** 2).sum(
        axis=-1
    )


def _error(values: FloatArray, sums: Outcomes) -> FloatArray:
    of = confusion_of(sums)
    total, hits = of.outcomes[..., None], of.hits[..., None]
    true, named = (np.where(spread > 0, spread, np.nan)[..., None] for spread in spreads(of))
    whole = np.sqrt(true * named)
    return error_of_counts(
        of,
        (hits - of.predicted) / whole - values * (total - of.actual) / true,
        -of.actual / whole - values * (total - of.predicted) / named,
        total / whole,
    )


MEASURE: Final = PerformanceMeasure(
    key="matthews_correlation",
    help="Correlation of true and predicted class (-1 to 1, 0 is chance)",
    tasks=CLASSIFICATION,
    value=lambda sums: matthews_correlation(confusion_of(sums)),
    samples=confused,
    standard_error=_error,
)
