"""Real numbers as integers, so that their sums are exact.

Floating-point sums depend on the order of their terms, and a running total from which an outlier is
taken away again does not come back to where it was. A sum of integers has neither fault: any order,
any batching, any split over replicas gives the same number, and an expired slice leaves no trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Fixed:
    """A fixed-point format: steps of ``2**-bits``, magnitudes clipped at ``limit``.

    A sum of ``2**63 / (limit * 2**bits)`` terms at the limit still fits into 64 bits; each term is
    rounded to the nearest step, half to even, so its error is at most half a step.

    >>> FORMAT = Fixed(bits=4, limit=100.0)
    >>> FORMAT.encode(np.array([0.5, -1.03125, 1e9])).tolist()
    [8, -16, 1600]
    >>> FORMAT.decode(np.array([8]))
    array([0.5])
    """

    bits: int
    limit: float

    @property
    def step(self) -> float:
        """The value of one unit."""
        return 2.0**-self.bits

    def encode(self, values: FloatArray) -> IntArray:
        """Return ``values`` (any shape, NaN counts as 0) in steps, clipped to the limit."""
        steps = self.steps(values)
        np.nan_to_num(steps, copy=False, nan=0.0)
        return steps.astype(np.int64)

    def steps(self, values: FloatArray) -> FloatArray:
        """Return ``values`` as :meth:`encode`, whole numbers that are not integers yet, NaN kept."""
        steps = np.clip(values, -self.limit, self.limit)
        steps *= 2.0**self.bits
        return np.rint(steps, out=steps)

    def decode(self, steps: IntArray) -> FloatArray:
        """Return sums of steps as real numbers."""
        return np.asarray(steps * self.step, np.float64)


VALUES: Final = Fixed(bits=20, limit=2.0**12)
"""Feature values in baseline standard deviations from the baseline mean (limit and step chosen)."""

UNIT_INTERVAL: Final = Fixed(bits=30, limit=1.0)
"""Scores, squared score errors: numbers between 0 and 1."""

LOG_LOSS: Final = Fixed(bits=24, limit=64.0)
"""Negative log-likelihoods in nats; with scores kept 2.2e-16 from 0 and 1 they stay below 36.1."""

ERRORS: Final = Fixed(bits=24, limit=2.0**10)
"""Regression errors in units of the baseline's root mean squared error."""

SQUARED_ERRORS: Final = Fixed(bits=16, limit=2.0**20)
"""Squared regression errors in that unit, squared."""

SECONDS: Final = Fixed(bits=20, limit=2.0**31)
"""Latencies and delays in seconds: steps of about a microsecond, at most 68 years."""
