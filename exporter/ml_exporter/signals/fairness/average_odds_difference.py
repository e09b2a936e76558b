"""Average odds difference."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.fairness.measure import FairnessMeasure, Rates


def average_odds_difference(group: Rates, reference: Rates) -> FloatArray:
    """Average odds difference: mean gap of right and of false alarms to the reference; far from 0 is worse.

    ``AOD = ((FPR(group) - FPR(reference)) + (TPR(group) - TPR(reference))) / 2``, with
    ``FPR = P(predicted = 1 | label = 0)`` and ``TPR = P(predicted = 1 | label = 1)``, from the rates of ``group``
    and ``reference``. Returns (groups,). Standard error: half the root of the sum of the four variances
    ``p (1 - p) / n``, each with a hit and a miss more than were counted (Agresti and Caffo 2000).

    Range: -1 to 1; 0 is parity. Below 0 the group is predicted positive less often at equal labels, which is worse
    for it where the positive class is the favourable one. Differences of opposite sign cancel out: look at both.
    Missing: predictions without a class or a label, and those whose segment is not told, are left out.
    Minimum samples: the configured minimum of positive and of negative labels of the group and of the reference;
    below it there is no sample.
    Cost: O(groups), whatever the number of events.

    Reference: AI Fairness 360, average_odds_difference (R. Bellamy et al., arXiv:1810.01943).

    >>> import numpy as np
    >>> from ml_exporter.signals.fairness.measure import Rate
    >>> low, high = Rate(np.array([10]), np.array([50])), Rate(np.array([40]), np.array([50]))
    >>> average_odds_difference(Rates(low, low, low), Rates(low, high, low)).round(6).tolist()
    [-0.3]
    """
    false = group.false_positive.value - reference.false_positive.value
    true = group.true_positive.value - reference.true_positive.value
    return (false + true) / 2.0


def _variance(group: Rates, reference: Rates) -> FloatArray:
    parts = (group.false_positive, reference.false_positive, group.true_positive, reference.true_positive)
    total: FloatArray = sum((part.variance for part in parts), start=parts[0].variance * 0.0) / 4.0
    return total


MEASURE: Final = FairnessMeasure(
    key="average_odds_difference",
    help="Mean of the differences of false and true positive rate to the reference group (0 is parity)",
    value=average_odds_difference,
    variance=_variance,
    rates=("true_positive", "false_positive"),
)
