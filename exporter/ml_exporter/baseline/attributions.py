"""Attributions of a baseline: read from a file of their own, kept as sums, laid out as a model's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ml_exporter.baseline.document import AttributionDocument
from ml_exporter.baseline.source import Chunk
from ml_exporter.core.arrays import IntArray
from ml_exporter.core.errors import BaselineError, nearest
from ml_exporter.core.schema import ModelSchema
from ml_exporter.sums.fixed import WIDE
from ml_exporter.sums.layout import Sums


def documents_of(chunks: Iterable[Chunk], features: Sequence[str]) -> list[AttributionDocument]:
    """Return the sums of a table with a column for each feature and a row for each explained prediction.

    A feature without a column has none; a value that is no finite number is not counted. BaselineError for a
    column that names no feature or holds no number.
    """
    counts: dict[str, int] = {}
    sums: dict[str, IntArray] = {}
    for chunk in chunks:
        for name, column in chunk.items():
            if name not in features:
                known = nearest(name, features) or f"; there are {', '.join(features[:10])}"
                raise BaselineError(f'--attributions: column "{name}" is no feature{known}')
            numbers = column.numbers()
            told = np.abs(numbers[np.isfinite(numbers)])
            counts[name] = counts.get(name, 0) + len(told)
            sums[name] = sums.get(name, np.zeros(WIDE.limbs, np.int64)) + WIDE.total(told)
    if not counts:
        raise BaselineError("--attributions: there are no rows")
    for name, count in counts.items():
        if not count:
            raise BaselineError(f'--attributions: column "{name}" holds no number')
    return [
        AttributionDocument(name=name, count=counts[name], sum=sums[name].tolist())
        for name in features
        if name in counts
    ]


def shares_of(documents: Sequence[AttributionDocument]) -> dict[str, float]:
    """Return each feature's share of the sum of all mean absolute attributions, the largest first."""
    means = {told.name: float(WIDE.decode(np.array(told.sum))) / told.count for told in documents}
    total = sum(means.values())
    return {name: means[name] / total for name in sorted(means, key=lambda name: -means[name])} if total else {}


def fill(sums: Sums, schema: ModelSchema, documents: Sequence[AttributionDocument]) -> None:
    """Write the baseline's attributions into ``sums``; of a feature without any they stay zero."""
    by_name = {told.name: told for told in documents}
    for place, variable in enumerate(schema.features if by_name else ()):
        if variable.name in by_name:
            sums["attribution_counts"][place] = by_name[variable.name].count
            sums["attribution_sums"][place] = by_name[variable.name].sum
