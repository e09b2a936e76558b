"""Statistical parity difference."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.fairness.measure import ONLY_SELECTION, FairnessMeasure, Rates


def statistical_parity_difference(group: Rates, reference: Rates) -> FloatArray:
    """Statistical parity difference: a group is predicted positive so much more often; far from 0 is worse.

    ``SPD = P(predicted = 1 | group) - P(predicted = 1 | reference)`` from the selection rates of ``group`` and
    ``reference``. Returns (groups,). Standard error: ``sqrt(p (1 - p) / n + q (1 - q) / m)``, each
    with a hit and a miss more than were counted (Agresti and Caffo 2000).

    Range: -1 to 1; 0 is parity. Below 0 the group gets the positive class less often, which is worse for it where
    that class is the favourable one.
    Missing: predictions without a class, and those whose segment is not told, are left out.
    Minimum samples: the configured minimum of predictions of the group and of the reference; below it there is no
    sample.
    Cost: O(groups), whatever the number of events.

    Reference: C. Dwork et al., Fairness through awareness, ITCS 2012, doi:10.1145/2090236.2090255; AI Fairness
    360, statistical_parity_difference.

    >>> import numpy as np
    >>> from ml_exporter.signals.fairness.measure import Rate
    >>> one = Rate(np.array([30]), np.array([100]))
    >>> other = Rate(np.array([50]), np.array([100]))
    >>> statistical_parity_difference(Rates(one, one, one), Rates(other, other, other)).tolist()
    [-0.2]
    """
    return group.selection.value - reference.selection.value


MEASURE: Final = FairnessMeasure(
    key="statistical_parity_difference",
    help="Share of positive predictions of a group less that of the reference group (0 is parity)",
    value=statistical_parity_difference,
    variance=lambda group, reference: group.selection.variance + reference.selection.variance,
    rates=ONLY_SELECTION,
)
