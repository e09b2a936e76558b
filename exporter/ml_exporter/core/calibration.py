"""A calibration map: from the score of a model to the probability that it stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_exporter.core.arrays import FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class CalibrationMap:
    """Knots of a map that never falls: ``scores`` ascend, ``probabilities`` (as many) lie between 0 and 1.

    Between two knots it is linear, beyond the first and the last it is flat.

    >>> half = CalibrationMap(np.array([0.2, 0.4]), np.array([0.0, 0.5]))
    >>> half(np.array([0.1, 0.3, 0.9, np.nan])).round(9).tolist()
    [0.0, 0.25, 0.5, nan]
    """

    scores: FloatArray
    probabilities: FloatArray

    def __call__(self, scores: FloatArray) -> FloatArray:
        """Return the probability of each score, NaN where that is NaN; the same whatever stands beside it."""
        x, y = self.scores, self.probabilities
        if len(x) == 1:
            return np.where(np.isnan(scores), np.nan, y[0])
        inside = np.minimum(np.maximum(scores, x[0]), x[-1])
        # Beyond neither end there is a knot to the left and one to the right.
        left = x[1:-1].searchsorted(inside, side="right")
        share = (inside - x[left]) / (x[left + 1] - x[left])
        probabilities: FloatArray = y[left] + share * (y[left + 1] - y[left])
        return probabilities

    def identity(self) -> bytes:
        """Return what sums of probabilities depend on."""
        return b"|".join((self.scores.astype("<f8").tobytes(), self.probabilities.astype("<f8").tobytes()))
