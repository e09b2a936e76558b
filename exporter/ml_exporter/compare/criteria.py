"""From which numbers on a file has drifted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Criteria:
    """From which numbers on there is drift; the defaults are those of the rules' thresholds.

    A PSI counts by what it exceeds its noise floor; the share is that of the features with a PSI of at least 0.1
    and above the floor, and counts from ``fewest`` of them on.
    """

    feature_psi: float = 0.25
    prediction_psi: float = 0.25
    share: float = 0.3
    fewest: int = 3
