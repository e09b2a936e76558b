"""All features together: fitted on a sample of whole rows, kept in the baseline with the sums over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from ml_exporter.baseline.document import BaselineDocument, MultivariateDocument
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.rows import predictions_of
from ml_exporter.baseline.source import Chunk
from ml_exporter.core.arrays import CodeArray, FloatArray
from ml_exporter.core.multivariate import COMPONENT_STEP, POINT_STEP, REACH, Multivariate
from ml_exporter.core.schema import ModelSchema, Role
from ml_exporter.sums.layout import Sums
from ml_exporter.sums.multivariate import PROJECTIONS, Points, terms
from ml_exporter.sums.variables import STATUSES

PREFIX: Final = "multivariate_"

SAMPLE: Final = 20_000
"""Whole rows on which components, bandwidth and noise are fitted (chosen)."""

PAIRED: Final = 1_000
"""Rows whose pairs give the bandwidth."""

KEPT: Final = 0.65
"""Share of the variance that the principal components keep (NannyML's default)."""

QUANTILE: Final = 0.999
_SEED: Final = 20130101


def fit_multivariate(
    chunks: Callable[[], Iterator[Chunk]], rows: int, schema: ModelSchema, options: FitOptions
) -> Multivariate:
    """Return how to look at the rows as a whole, from a sample of at most :data:`SAMPLE` of them."""
    numeric, categorical = _sample(chunks, rows, schema, options)
    numbers = [variable for variable in schema.numeric if variable.role is Role.FEATURE]
    names = [
        (place, variable) for place, variable in enumerate(schema.categorical) if variable.role is Role.FEATURE
    ]
    fitted = Multivariate(
        features=(*(variable.name for variable in numbers), *(variable.name for _, variable in names)),
        categories=tuple(variable.categories for _, variable in names),
        seed=_SEED,
        bandwidth=1.0,
        encodings=tuple(encoding(categorical[place], len(variable.categories)) for place, variable in names),
        components=np.zeros((0, len(numbers) + len(names))),
    )
    points = Points(schema, fitted)
    coordinates = points.coordinates(numeric)
    features = categorical[[place for place, _ in names]]
    known = [len(variable.categories) for _, variable in names]
    fitted = replace(
        fitted,
        bandwidth=bandwidth(coordinates, features, known),
        components=principal_components(points.complete(coordinates, categorical)),
    )
    angles = Points(schema, fitted).angles(coordinates, categorical)
    return replace(
        fitted, noise_scale=noise_scale(np.hstack([PROJECTIONS.decode(part) for part in terms(angles)]))
    )


def _sample(
    chunks: Callable[[], Iterator[Chunk]], rows: int, schema: ModelSchema, options: FitOptions
) -> tuple[FloatArray, CodeArray]:
    """Return some rows, each as likely as any other, whatever the chunks."""
    chosen = np.zeros(rows, bool)
    chosen[np.random.default_rng(_SEED).permutation(rows)[:SAMPLE]] = True
    numeric, categorical, start = [], [], 0
    for chunk in chunks():
        columns = predictions_of(chunk, schema, options)
        part = columns.take(chosen[start : start + columns.rows])
        start += columns.rows
        numeric.append(part.numeric)
        categorical.append(part.categorical)
    return np.hstack(numeric), np.hstack(categorical)


def encoding(codes: CodeArray, known: int) -> FloatArray:
    """Return the coordinate of each category, then of any other: its share of the rows, standardised.

    A category is as far from another as their frequencies are: count encoding, as NannyML's.

    >>> encoding(np.array([0, 0, 0, 1], np.int32), 2).tolist()
    [0.5773468017578125, -1.73205566...
    """
    gone = known + np.array([STATUSES.index("missing"), STATUSES.index("absent")])
    given = np.where(codes > known, known, codes)[~np.isin(codes, gone)]
    counts = np.bincount(given, minlength=known + 1)[: known + 1]
    shares = counts / max(len(given), 1)
    mean = float((shares * shares).sum())
    deviation = float(np.sqrt((shares * (shares - mean) ** 2).sum()))
    coordinates = (shares - mean) / deviation if deviation > 1e-12 else np.zeros(known + 1)
    steps: FloatArray = np.rint(np.clip(coordinates, -REACH, REACH) / POINT_STEP) * POINT_STEP
    return steps


def bandwidth(points: FloatArray, categorical: CodeArray, known: Sequence[int]) -> float:
    """Return the median distance of two rows: the median heuristic (Gretton et al. 2012, section 8).

    Distances are those of :class:`Points`: a gap is one unit off the mean, another category the root of two.
    """
    rows = np.linspace(0, points.shape[1] - 1, min(points.shape[1], PAIRED)).astype(np.int64)
    gaps = np.isnan(points[:, rows])
    every = np.vstack((np.where(gaps, 0.0, points[:, rows]), gaps))
    lengths = (every * every).sum(axis=0)
    squares = np.maximum(lengths[:, None] + lengths - 2.0 * every.T @ every, 0.0)
    for codes, count in zip(categorical[:, rows], known, strict=True):
        status = np.array([*range(count), count, count + 1, count + 1, count])[codes]
        squares += 2.0 * (status[:, None] != status)
    distances = np.sqrt(squares[np.triu_indices(len(rows), 1)])
    middle = float(np.median(distances)) if len(distances) else 0.0
    return middle or float(distances.mean() if len(distances) else 0.0) or 1.0


def principal_components(points: FloatArray) -> FloatArray:
    """Return the fewest principal components of ``points``, (features, rows), that keep 65 % of the variance.

    (components, features), in steps of 2**-20; none where nothing varies or too few rows are complete.
    """
    features, rows = points.shape
    if rows < 2:
        return np.zeros((0, features))
    values, vectors = np.linalg.eigh(np.cov(points).reshape(features, features))
    order = np.argsort(values)[::-1]
    values = np.maximum(values[order], 0.0)
    total = float(values.sum())
    if total <= 0.0:
        return np.zeros((0, features))
    kept = int(np.searchsorted(np.cumsum(values) / total, KEPT, side="right")) + 1
    components = vectors[:, order[:kept]].T
    # The sign of a component says nothing; with one for all libraries the file is the same.
    components = (
        components * np.sign(components[np.arange(len(components)), np.abs(components).argmax(axis=1)])[:, None]
    )
    steps: FloatArray = np.rint(components / COMPONENT_STEP) * COMPONENT_STEP
    return steps


def noise_scale(projections: FloatArray) -> float:
    """Return ``c`` so that the squared MMD stays below ``c (1 / n + 1 / m)`` in 99.9 % of windows without drift.

    ``projections`` (rows, 2 frequencies) are the terms ``(1 + cos) / 2`` and ``(1 + sin) / 2`` of rows of the
    baseline. Without drift the unbiased squared MMD is distributed like ``(1 / n + 1 / m) sum_i l_i (Z_i^2 - 1)``
    with standard normal ``Z_i`` and ``l_i`` the eigenvalues of the covariance of the features (Gretton et al.
    2012, theorem 12). Its quantile is that of the chi-squared distribution with the same mean, variance and
    skewness (Pearson 1959; J. P. Imhof, Computing the distribution of quadratic forms in normal variables,
    Biometrika 48 (1961), section 4, doi:10.1093/biomet/48.3-4.419).
    """
    frequencies = projections.shape[1] // 2
    if len(projections) < 2:
        return 0.0
    values = np.linalg.eigvalsh(np.cov(projections.T)) * (4.0 / frequencies)
    second, third = float((values**2).sum()), float((values**3).sum())
    if second <= 0.0 or third <= 0.0:
        return 0.0
    from scipy.special import gammaincinv  # what a fit needs, a sidecar does not load

    freedom = second**3 / third**2
    quantile = 2.0 * float(gammaincinv(freedom / 2.0, QUANTILE))
    return float(np.sqrt(2.0 * second) * (quantile - freedom) / np.sqrt(2.0 * freedom))


def document_of(known: Multivariate | None, sums: Sums) -> MultivariateDocument | None:
    """Return what was fitted with its part of ``sums``."""
    if known is None:
        return None
    return MultivariateDocument(
        features=list(known.features),
        seed=known.seed,
        frequencies=known.frequencies,
        bandwidth=known.bandwidth,
        noise_scale=known.noise_scale,
        encodings=[part.tolist() for part in known.encodings],
        components=np.rint(known.components / COMPONENT_STEP).astype(np.int64).tolist(),
        sums={name: sums[name].ravel().tolist() for name in _blocks(sums)},
    )


def multivariate_of(document: BaselineDocument | None) -> Multivariate | None:
    """Return what a baseline holds; None if it was not asked for."""
    if document is None or document.multivariate is None:
        return None
    found = document.multivariate
    fitted = {item.name: item.categories for item in document.variables if item.role == Role.FEATURE}
    return Multivariate(
        features=tuple(found.features),
        categories=tuple(tuple(given) for name in found.features if (given := fitted[name]) is not None),
        seed=found.seed,
        bandwidth=found.bandwidth,
        encodings=tuple(np.array(part, np.float64) for part in found.encodings),
        components=np.array(found.components, np.float64).reshape(-1, len(found.features)) * COMPONENT_STEP,
        frequencies=found.frequencies,
        noise_scale=found.noise_scale,
    )


def fill_multivariate(sums: Sums, found: MultivariateDocument | None) -> None:
    """Write the baseline's sums into ``sums``."""
    if found is None:
        return
    for name in _blocks(sums):
        part, flat = sums[name], found.sums.get(name, [])
        if len(flat) == part.size:
            part[:] = np.array(flat, np.int64).reshape(part.shape)


def _blocks(sums: Sums) -> list[str]:
    return [name for name in sums.layout if name.startswith(PREFIX)]
