"""Equal opportunity difference."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.fairness.measure import FairnessMeasure, Rates


def equal_opportunity_difference(group: Rates, reference: Rates) -> FloatArray:
    """Equal opportunity difference: its positives are found so much more often; far from 0 is worse.

    ``EOD = TPR(group) - TPR(reference)``, with ``TPR = P(predicted = 1 | label = 1)``, from the true positive
    rates of ``group`` and ``reference``. Returns (groups,). Standard error:
    ``sqrt(p (1 - p) / n + q (1 - q) / m)`` with n and m the positive labels of both, each with a hit and a miss
    more than were counted (Agresti and Caffo 2000).

    Range: -1 to 1; 0 is parity. Below 0 the positives of the group are missed more often, which is worse for it
    where the positive class is the favourable one.
    Missing: predictions without a class or a label, and those whose segment is not told, are left out.
    Minimum samples: the configured minimum of positive labels of the group and of the reference; below it there is
    no sample.
    Cost: O(groups), whatever the number of events.

    Reference: M. Hardt, E. Price, N. Srebro, Equality of opportunity in supervised learning, NIPS 2016,
    arXiv:1610.02413; AI Fairness 360, equal_opportunity_difference.

    >>> import numpy as np
    >>> from ml_exporter.signals.fairness.measure import Rate
    >>> one = Rate(np.array([40]), np.array([50]))
    >>> other = Rate(np.array([45]), np.array([50]))
    >>> equal_opportunity_difference(Rates(one, one, one), Rates(other, other, other)).round(6).tolist()
    [-0.1]
    """
    return group.true_positive.value - reference.true_positive.value


MEASURE: Final = FairnessMeasure(
    key="equal_opportunity_difference",
    help="True positive rate of a group less that of the reference group (0 is parity)",
    value=equal_opportunity_difference,
    variance=lambda group, reference: group.true_positive.variance + reference.true_positive.variance,
    rates=("true_positive",),
)
