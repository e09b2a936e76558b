"""Disparate impact ratio."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.arrays import FloatArray
from ml_exporter.signals.fairness.measure import ONLY_SELECTION, FairnessMeasure, Rates


def disparate_impact_ratio(group: Rates, reference: Rates) -> FloatArray:
    """Disparate impact ratio: a group is predicted positive so many times as often; far from 1 is worse.

    ``DIR = P(predicted = 1 | group) / P(predicted = 1 | reference)`` from the selection rates of ``group`` and
    ``reference``. Returns (groups,); NaN where the reference is never predicted positive. Standard error by the
    delta method: ``sqrt(p (1 - p) / n + DIR^2 q (1 - q) / m) / Q``, p and q each with a hit and a miss more than
    were counted (Agresti and Caffo 2000), Q the reference's rate.

    Range: 0 upwards; 1 is parity. Below 0.8 the four-fifths rule sees a disparate impact, where the positive class
    is the favourable one; where it is not, above 1.25.
    Missing: predictions without a class, and those whose segment is not told, are left out.
    Minimum samples: the configured minimum of predictions of the group and of the reference; below it there is no
    sample.
    Cost: O(groups), whatever the number of events.

    Reference: Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D (1978); M. Feldman et al.,
    Certifying and removing disparate impact, KDD 2015, doi:10.1145/2783258.2783311. Standard error: D. Katz et
    al., Obtaining confidence intervals for the risk ratio in cohort studies, Biometrics 34 (1978),
    doi:10.2307/2530610.

    >>> import numpy as np
    >>> from ml_exporter.signals.fairness.measure import Rate
    >>> one = Rate(np.array([30]), np.array([100]))
    >>> other = Rate(np.array([50]), np.array([100]))
    >>> disparate_impact_ratio(Rates(one, one, one), Rates(other, other, other)).tolist()
    [0.6]
    """
    return group.selection.value / reference.selection.value


def _variance(group: Rates, reference: Rates) -> FloatArray:
    """Return ``(var p + (p/q)^2 var q) / q^2``, which is the delta method's without a division by ``p``."""
    p, q = group.selection, reference.selection
    spread: FloatArray = (p.variance + (p.value / q.value) ** 2 * q.variance) / q.value**2
    return spread


MEASURE: Final = FairnessMeasure(
    key="disparate_impact_ratio",
    help="Share of positive predictions of a group as a multiple of the reference group's (1 is parity)",
    value=disparate_impact_ratio,
    variance=_variance,
    rates=ONLY_SELECTION,
)
