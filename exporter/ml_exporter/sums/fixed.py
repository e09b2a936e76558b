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
        steps[np.isnan(steps)] = 0.0
        return steps.astype(np.int64)

    def steps(self, values: FloatArray) -> FloatArray:
        """Return ``values`` as :meth:`encode`, whole numbers that are not integers yet, NaN kept."""
        # Two calls of ufuncs: for a batch of some tens of rows np.clip takes longer than they do.
        steps = np.maximum(values, -self.limit)
        np.minimum(steps, self.limit, out=steps)
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

LOG_LOSS_SQUARED: Final = Fixed(bits=20, limit=2.0**12)
"""Squares of negative log-likelihoods."""

LATENCY: Final = Fixed(bits=24, limit=2.0**12)
"""Seconds of a prediction: steps of 60 ns, at most 68 minutes."""

DELAY: Final = Fixed(bits=10, limit=2.0**26)
"""Seconds of a label delay: steps of a millisecond, at most 776 days."""


_NEAR: Final = 1 << 14
"""Numbers of which sums are made at once (chosen): more do not stay near a processor."""


class Wide:
    """A format for numbers whose unit nobody knows: twelve integers that together are one of 384 bits.

    Steps of ``2**-192`` (1.6e-58), magnitudes clipped at ``2**192`` (6.3e57); sums of less than 2**31 terms.
    An integer of the twelve counts multiples of ``2**(32 * place - 192)``.

    >>> float(WIDE.decode(WIDE.total(np.array([1e9, 1e-9, -1e9]))))
    1e-09
    """

    limbs: Final = 12
    bits: Final = 32
    below: Final = 192
    limit: Final = 2.0**192 - 2.0**139
    root_limit: Final = 2.0**95

    def total(self, values: FloatArray) -> IntArray:
        """Return the exact sum of ``values`` (any shape, no NaN) as (12,)."""
        sums: IntArray = self.totals(values.reshape(1, -1))[0]
        return sums

    def totals(self, values: FloatArray) -> IntArray:
        """Return the exact sum of each row of ``values``, (rows, numbers) without NaN, as (rows, 12)."""
        sums = np.zeros((len(values), self.limbs), np.int64)
        step = max(_NEAR // max(len(values), 1), 1)
        for start in range(0, values.shape[1], step):
            rest = np.clip(values[:, start : start + step], -self.limit, self.limit)
            for place in range(self.limbs - 1, -1, -1):
                unit = 2.0 ** (self.bits * place - self.below)
                part = np.rint(rest / unit) if place == 0 else np.trunc(rest / unit)
                rest -= part * unit
                sums[:, place] += part.astype(np.int64).sum(axis=1)
        return sums

    def total_of_squares(self, values: FloatArray) -> IntArray:
        """Return the exact sum of the squares of ``values``, each clipped at ``root_limit``, as (12,)."""
        return self.total(self.squares(values))

    def squares(self, values: FloatArray) -> FloatArray:
        """Return three rows, (3, numbers), that add up to the squares of ``values``, clipped at ``root_limit``."""
        clipped = np.clip(values, -self.root_limit, self.root_limit)
        # The halves of a number have products that need no rounding (Dekker 1971, doi:10.1007/BF01397083).
        scaled = clipped * 134_217_729.0
        high = scaled - (scaled - clipped)
        low = clipped - high
        return np.stack((high * high, 2.0 * high * low, low * low))

    def whole(self, sums: IntArray) -> int:
        """Return the sum in steps of ``2**-192``, exactly."""
        return sum(int(part) << (self.bits * place) for place, part in enumerate(sums))

    def decode(self, sums: IntArray) -> FloatArray:
        """Return sums, (…, 12), as the nearest floating-point numbers, (…)."""
        numbers = [self.whole(each) / (1 << self.below) for each in sums.reshape(-1, self.limbs)]
        return np.array(numbers).reshape(sums.shape[:-1])


WIDE: Final = Wide()
"""Regression errors, their squares, labels and attributions, in whatever unit they have."""
