"""Sums over whole rows: their random Fourier features, and how far they lie from the principal components."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from ml_exporter.core.arrays import BoolArray, CodeArray, FloatArray, IntArray
from ml_exporter.core.columns import PredictionColumns
from ml_exporter.core.multivariate import POINT_STEP, REACH, TURN, Multivariate
from ml_exporter.core.schema import ModelSchema
from ml_exporter.sums.fixed import VALUES, Fixed
from ml_exporter.sums.layout import BlockSpec, Sums
from ml_exporter.sums.variables import STATUSES

AngleArray = npt.NDArray[np.uint16]

PROJECTIONS: Final = Fixed(bits=15, limit=1.0)
"""``(1 + cos) / 2`` and ``(1 + sin) / 2``: numbers between 0 and 1 that never make a sum fall."""

SQUARES: Final = Fixed(bits=16, limit=VALUES.limit**2)
"""Squared reconstruction errors; some eight million rows at the limit fit into 64 bits."""

_FINE: Final = 4
_PRODUCTS: Final = 1 << 18
"""Products of a multiplication of matrices up to which OpenBLAS stays on the caller's thread."""


def _waves() -> IntArray:
    """Return, for each of 4,096 angles, the cosine's term in the high 32 bits and the sine's in the low ones."""
    angle = 2.0 * np.pi * np.arange(TURN >> _FINE) / (TURN >> _FINE)
    cosine, sine = (PROJECTIONS.encode((1.0 + wave(angle)) / 2.0) for wave in (np.cos, np.sin))
    return (cosine << 32) | sine


_WAVES: Final = _waves()


def terms(angles: AngleArray) -> tuple[IntArray, IntArray]:
    """Return the terms of the cosines and of the sines of ``angles``, in steps of :data:`PROJECTIONS`."""
    packed = _WAVES.take(angles >> _FINE)
    return packed >> 32, packed & 0xFFFF_FFFF


class Points:
    """Rows as points: numbers in baseline standard deviations, categories by their encoding, and angles.

    A number becomes ``(x - center) / scale`` in steps of 2**-16, within :data:`REACH`. For the angles a gap,
    whatever its reason, stands at the mean with an axis of its own, and each category, other ones together, and
    missing have an axis each: two categories lie as far from each other as two numbers do in the mean.
    """

    def __init__(self, schema: ModelSchema, known: Multivariate) -> None:
        numbers = {variable.name: place for place, variable in enumerate(schema.numeric)}
        names = {variable.name: place for place, variable in enumerate(schema.categorical)}
        self.numeric: IntArray = np.array([numbers[name] for name in known.numeric], np.int64)
        self.categorical: IntArray = np.array([names[name] for name in known.categorical], np.int64)
        variables = [schema.numeric[place] for place in self.numeric]
        self._center = np.array([variable.center for variable in variables]).reshape(-1, 1)
        scales = np.array([variable.scale for variable in variables]).reshape(-1, 1)
        self._inverse = 1.0 / np.maximum(scales, np.finfo(np.float64).tiny)
        turned = [known.angles(name, "number") for name in known.numeric]
        self._frequencies: FloatArray = np.array(turned).reshape(-1, known.frequencies)
        self._gaps = [_wrapped(known.angles(name, "missing")) for name in known.numeric]
        self._axes: list[AngleArray] = []
        self._encodings: list[FloatArray] = []
        for place, name, categories, encoding in zip(
            self.categorical, known.categorical, known.categories, known.encodings, strict=True
        ):
            parts = [f"category {category}" for category in categories] + ["other"]
            axes = np.array([_wrapped(known.angles(name, part)) for part in [*parts, "missing"]])
            codes = {category: code for code, category in enumerate(categories)}
            other = len(categories)
            places = [codes.get(category, other) for category in schema.categorical[place].categories]
            gone = {"missing": other + 1, "absent": other + 1}
            places += [gone.get(status, other) for status in STATUSES]
            self._axes.append(axes[places])
            self._encodings.append(np.append(encoding, np.nan)[places])

    def coordinates(self, numeric: FloatArray) -> FloatArray:
        """Return the numbers, (numeric features, rows), in standard deviations; NaN where there is none."""
        with np.errstate(over="ignore", invalid="ignore"):
            points: FloatArray = np.subtract(numeric[self.numeric], self._center)
            points *= self._inverse
        np.maximum(points, -REACH, out=points)
        np.minimum(points, REACH, out=points)
        points *= 1.0 / POINT_STEP
        np.rint(points, out=points)
        points *= POINT_STEP
        return points

    def complete(self, points: FloatArray, categorical: CodeArray) -> FloatArray:
        """Return the points of the rows that lack nothing, (features, complete rows)."""
        encoded = [
            table.take(categorical[place]) for place, table in zip(self.categorical, self._encodings, strict=True)
        ]
        every = np.vstack((points, *encoded)) if encoded else points
        gaps: BoolArray = np.asarray(np.isnan(every).any(axis=0))
        return every[:, ~gaps] if gaps.any() else every

    def angles(self, points: FloatArray, categorical: CodeArray) -> AngleArray:
        """Return the angle of each row at each frequency, (rows, frequencies)."""
        gaps = np.isnan(points)
        lacking = np.flatnonzero(gaps.any(axis=1))
        filled = np.where(gaps, 0.0, points) if len(lacking) else points
        # Exact, so that neither the size of a batch nor the processor shows in a sum.
        angles = (filled.T @ self._frequencies).astype(np.int64).astype(np.uint16)
        for place in lacking:
            angles[gaps[place]] += self._gaps[place]
        for place, axes in zip(self.categorical, self._axes, strict=True):
            angles += axes.take(categorical[place], axis=0)
        return angles


class MultivariateTally:
    """Adds the sums over whole rows, of models whose baseline was fitted for it.

    - ``multivariate_rows`` (2,): rows, and those that lack no feature.
    - ``multivariate_projections`` (2, frequencies): sums over all rows of ``(1 + cos a) / 2`` and of
      ``(1 + sin a) / 2`` as :data:`PROJECTIONS`, with ``a`` the row's angle at a frequency.
    - ``multivariate_errors`` (2,): sums over complete rows of ``e``, the distance of a row from the principal
      components in standard deviations, as :data:`fixed.VALUES`, and of ``e**2`` as :data:`SQUARES`.

    The cosines come from a table of 4,096 angles: what is compared is exactly what the table says, on both sides.
    Time: O(rows x features x (frequencies + components)), in pieces that stay on one thread.
    """

    key: ClassVar[str] = "multivariate"

    def __init__(self, schema: ModelSchema, known: Multivariate) -> None:
        self._points = Points(schema, known)
        self._components = known.components
        self._step = max(1, _PRODUCTS // (len(known.features) * max(known.frequencies, len(known.components))))
        self.blocks = (
            BlockSpec("multivariate_rows", (2,)),
            BlockSpec("multivariate_projections", (2, known.frequencies)),
            BlockSpec("multivariate_errors", (2,)),
        )

    @classmethod
    def of(cls, schema: ModelSchema) -> MultivariateTally | None:
        """Return the tally of a model whose baseline looks at rows as a whole; None for another."""
        return cls(schema, schema.multivariate) if schema.multivariate else None

    def add(self, batch: PredictionColumns, sums: Sums) -> None:
        """Add a batch of predictions."""
        points = self._points.coordinates(batch.numeric)
        for start in range(0, batch.rows, self._step):
            part = slice(start, start + self._step)
            self._add(points[:, part], batch.categorical[:, part], sums)
        sums["multivariate_rows"][0] += batch.rows

    def _add(self, points: FloatArray, categorical: CodeArray, sums: Sums) -> None:
        packed = _WAVES.take(self._points.angles(points, categorical) >> _FINE).sum(axis=0)
        projections = sums["multivariate_projections"]
        projections[0] += packed >> 32
        projections[1] += packed & 0xFFFF_FFFF
        whole = self._points.complete(points, categorical)
        errors = distances(whole, self._components)
        sums["multivariate_rows"][1] += len(errors)
        sums["multivariate_errors"][0] += VALUES.encode(errors).sum()
        sums["multivariate_errors"][1] += SQUARES.encode(errors * errors).sum()


def distances(points: FloatArray, components: FloatArray) -> FloatArray:
    """Return how far points, (features, rows), lie from the space of the orthonormal ``components``, (rows,).

    ``|x|^2 - |V x|^2``, summed in the order of the features whatever the number of rows.
    """
    left = np.zeros(points.shape[1])
    for coordinate in points:
        left += coordinate * coordinate
    for coordinate in components @ points:
        left -= coordinate * coordinate
    errors: FloatArray = np.sqrt(np.maximum(left, 0.0, out=left), out=left)
    return errors


def _wrapped(angles: FloatArray) -> AngleArray:
    return angles.astype(np.int64).astype(np.uint16)
