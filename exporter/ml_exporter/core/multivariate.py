"""What is known of all features together: how a row becomes a point, its projections, its principal components."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray

FREQUENCIES: Final = 64
"""Random frequencies onto which rows are projected; each has a cosine and a sine (chosen)."""

TURN: Final = 1 << 16
"""Units of angle in a full turn: 16 bits, which wrap as angles do."""

REACH: Final = 64.0
"""Standard deviations from the baseline's mean beyond which a number counts as there."""

POINT_STEP: Final = 2.0**-16
COMPONENT_STEP: Final = 2.0**-20
"""Steps of coordinates and of components: products of the two, summed over 1,000 features, are exact in floats."""


@dataclass(frozen=True, eq=False, slots=True)
class Multivariate:
    """How rows are looked at as a whole, as the baseline was fitted.

    ``features`` are numeric ones, then categorical ones, whose ``categories`` stand beside. ``bandwidth`` is that
    of the Gaussian kernel, ``seed`` and it give the frequencies. ``encodings`` holds, for each categorical
    feature, the coordinate of each category, then of any other. ``components`` (components, features) has
    orthonormal rows. ``noise_scale`` is ``c``: without drift the squared MMD stays below ``c (1 / n + 1 / m)``.
    """

    features: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    seed: int
    bandwidth: float
    encodings: tuple[FloatArray, ...]
    components: FloatArray
    frequencies: int = FREQUENCIES
    noise_scale: float = np.nan

    @property
    def numeric(self) -> tuple[str, ...]:
        """The numeric features."""
        return self.features[: len(self.features) - len(self.categories)]

    @property
    def categorical(self) -> tuple[str, ...]:
        """The categorical features."""
        return self.features[len(self.features) - len(self.categories) :]

    def angles(self, feature: str, part: str) -> FloatArray:
        """Return the angle, in whole units, by which one unit along an axis turns each frequency, (frequencies,).

        Axes are named by a feature and a part of it: its number, a category, a gap. The frequencies are normal
        with a standard deviation of ``1 / bandwidth``, drawn from the bits of SHAKE-256, which no release of a
        library changes: a baseline of today fits the sidecar of tomorrow.

        >>> one = Multivariate(("x",), (), 1, 2.0, (), np.zeros((0, 1)), frequencies=3)
        >>> one.angles("x", "number").tolist()
        [5477.0, 877.0, -7198.0]
        """
        name = f"{self.seed}|{len(feature)}:{feature}|{part}".encode("utf-8", "replace")
        bits = np.frombuffer(hashlib.shake_256(name).digest(8 * self.frequencies), "<u8")
        shares = ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
        normal = np.array([NormalDist().inv_cdf(share) for share in shares.tolist()])
        turned: FloatArray = np.rint(normal * (TURN / (2.0 * np.pi * self.bandwidth)))
        return turned

    def identity(self) -> bytes:
        """Return what the sums depend on."""
        numbers = [
            np.array([self.seed, self.frequencies, self.bandwidth]),
            self.components.ravel(),
            *self.encodings,
        ]
        names = [*self.features, *(name for group in self.categories for name in group)]
        parts = [f"{len(name)}:{name}".encode("utf-8", "replace") for name in names]
        return b"|".join([*parts, *(each.astype("<f8").tobytes() for each in numbers)])
