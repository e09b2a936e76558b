"""One variable of two baselines in bins or categories that both know, so that their counts can be compared."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from ml_exporter.baseline.bins import decile_groups
from ml_exporter.baseline.document import VariableDocument
from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.schema import FeatureKind
from ml_exporter.sums.fixed import VALUES

Pair = tuple[VariableDocument, VariableDocument]


def in_common(a: VariableDocument, b: VariableDocument) -> Pair | None:
    """Return both variables, of one name and kind, in common bins; None if they have nothing in common.

    Nothing is guessed: a bin is the sum of whole bins on both sides. Where bins had to be put together, scores are
    lower bounds: what differs within a bin does not show, and the noise floors of the finer bins are left out.
    """
    return _categorical(a, b) if a.kind == FeatureKind.CATEGORICAL else _numeric(a, b)


def _numeric(a: VariableDocument, b: VariableDocument) -> Pair | None:
    own, other = np.array(a.edges, np.float64), np.array(b.edges, np.float64)
    edges = np.intersect1d(own, other)
    if not len(edges) and (len(own) or len(other)):
        return None
    starts_a, starts_b = (_starts(found, edges) for found in (own, other))
    counts_a = np.add.reduceat(np.array(a.counts, np.int64), starts_a)
    counts_b = np.add.reduceat(np.array(b.counts, np.int64), starts_b)
    sums_a = np.add.reduceat(np.array(a.sums, np.int64), starts_a)
    sums_b = _in_unit_of(a, b, np.add.reduceat(np.array(b.sums, np.int64), starts_b), counts_b)
    same = len(edges) == len(own)
    groups = a.groups if same else decile_groups(counts_a).tolist()
    shape = {"edges": edges.tolist(), "groups": groups, "center": a.center, "scale": a.scale}
    return (
        replace(a, counts=counts_a.tolist(), sums=sums_a.tolist(), noise=a.noise if same else {}, **shape),
        replace(b, counts=counts_b.tolist(), sums=sums_b.tolist(), noise={}, **shape),
    )


def gap_bounds(a: VariableDocument, b: VariableDocument) -> tuple[float, float]:
    """Return between which bounds the Kolmogorov-Smirnov statistic of two numeric variables lies, whatever edges.

    At an edge of its own a side's share of the numbers below is known, elsewhere it lies between those at its
    edges around: the gap is at least that between the two intervals and at most that between their far ends.
    """
    edges = np.union1d(np.array(a.edges, np.float64), np.array(b.edges, np.float64))
    points = np.concatenate(([-np.inf], edges, [np.inf]))
    (low_a, high_a), (low_b, high_b) = _below(a, points), _below(b, points)
    least = np.maximum(low_a - high_b, low_b - high_a).max()
    most = np.maximum(high_a[1:] - low_b[:-1], high_b[1:] - low_a[:-1]).max()
    return max(float(least), 0.0), float(most)


def _below(variable: VariableDocument, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the least and the greatest share of the numbers that can lie below each point."""
    edges = np.array(variable.edges, np.float64)
    shares = np.concatenate(([0.0], np.cumsum(variable.counts) / max(sum(variable.counts), 1)))
    return shares[np.searchsorted(edges, points, side="right")], shares[1 + np.searchsorted(edges, points)]


def _starts(own: FloatArray, edges: FloatArray) -> IntArray:
    """Return the first bin of ``own`` edges in each bin of ``edges``, some of them."""
    return np.concatenate(([0], np.searchsorted(own, edges) + 1)).astype(np.int64)


def _in_unit_of(a: VariableDocument, b: VariableDocument, sums: IntArray, counts: IntArray) -> IntArray:
    """Return sums of ``b`` in the unit of ``a``: standard deviations from its mean."""
    assert a.center is not None
    assert a.scale is not None
    assert b.center is not None
    assert b.scale is not None
    if (a.center, a.scale) == (b.center, b.scale):
        return sums
    moved = (VALUES.decode(sums) * b.scale + counts * (b.center - a.center)) / a.scale
    return np.rint(moved / VALUES.step).astype(np.int64)


def _categorical(a: VariableDocument, b: VariableDocument) -> Pair | None:
    """A category that a side does not name was never there if it has no other values, else nobody knows."""
    one, two = (dict(zip(v.categories or (), v.counts, strict=True)) for v in (a, b))
    names = [
        name
        for name in dict.fromkeys([*one, *two])
        if (name in one or not a.other) and (name in two or not b.other)
    ]
    if one and two and not one.keys() & two.keys():
        return None
    same = names == list(one)
    return (
        replace(_as(a, names, one), noise=a.noise if same else {}),
        replace(_as(b, names, two), noise={}),
    )


def _as(variable: VariableDocument, names: list[str], counts: dict[str, int]) -> VariableDocument:
    rest = sum(count for name, count in counts.items() if name not in names)
    return replace(
        variable,
        categories=names,
        counts=[counts.get(name, 0) for name in names],
        other=variable.other + rest,
        sensitive=False,
    )
