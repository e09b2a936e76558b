"""How often predictions have exactly the same features: a sketch of the second moment, which is a sum."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from xxhash import xxh3_64_intdigest

from ml_exporter.core.arrays import FloatArray, HashArray, IntArray
from ml_exporter.core.columns import PredictionColumns
from ml_exporter.core.schema import ModelSchema, Role
from ml_exporter.sums.layout import BlockSpec, Sums
from ml_exporter.sums.variables import STATUSES

BUCKETS: Final = 1_024
"""Signed counters of the sketch: a power of two; its relative standard error is ``sqrt(2 / BUCKETS)``, 4.4 %."""

_SEED: Final = 1_385_000_000
_LOW: Final = np.uint64(0xFFFF_FFFF)
_HALF: Final = np.uint64(32)
_BUCKET_SHIFT: Final = np.uint64(64 - (BUCKETS.bit_length() - 1))
_ONE: Final = np.uint64(1)


class RepeatTally:
    """Adds ``repeats``: rows with at least one usable feature, then a signed count for each of BUCKETS.

    A row's features hash to a bucket and a sign, equal rows to equal ones; the expected sum of the squared counts
    is the sum over distinct rows of their squared number (N. Alon, Y. Matias, M. Szegedy, The space complexity of
    approximating the frequency moments, STOC 1996, doi:10.1145/237814.237823; in buckets, so that an event touches
    one: M. Charikar, K. Chen, M. Farach-Colton, Finding frequent items in data streams, ICALP 2002,
    doi:10.1007/3-540-45465-9_59). Counts add and subtract, so windows, restarts and expiry are exact; the estimate
    alone has an error. The hash is multilinear, in 64-bit arithmetic, and mixed once for each row.
    """

    key: ClassVar[str] = "repeats"

    def __init__(self, schema: ModelSchema) -> None:
        self.blocks = (BlockSpec("repeats", (1 + BUCKETS,)),)
        numeric = [variable.role is Role.FEATURE for variable in schema.numeric]
        categorical = [variable.role is Role.FEATURE for variable in schema.categorical]
        # An output is the last of its kind.
        self._numeric, self._categorical = sum(numeric), sum(categorical)
        first_gap = [len(variable.categories) + STATUSES.index("missing") for variable in schema.categorical]
        self._first_gap = np.array(first_gap[: self._categorical], np.int64).reshape(-1, 1)
        # Drawn from a hash, which no release of a library changes: counts of before stay those of the same rows.
        width = max(self._numeric, self._categorical)
        drawn = [xxh3_64_intdigest(place.to_bytes(4, "little"), _SEED) | 1 for place in range(3 * width)]
        self._keys: HashArray = np.array(drawn, np.uint64).reshape(3, width)

    @classmethod
    def of(cls, schema: ModelSchema) -> RepeatTally | None:
        """Return the tally of a model with features; None for others."""
        return cls(schema) if schema.features else None

    def add(self, batch: PredictionColumns, sums: Sums) -> None:
        """Add a batch of predictions."""
        numeric = batch.numeric[: self._numeric]
        categorical = batch.categorical[: self._categorical]
        usable = np.zeros(batch.rows, bool)
        hashes = np.zeros(batch.rows, np.uint64)
        low, high, codes = self._keys
        if self._numeric:
            usable |= ~np.isnan(numeric).all(axis=0)
            # Adding zero makes one zero of both.
            bits = (numeric + 0.0).view(np.uint64)
            hashes += low[: self._numeric] @ (bits & _LOW) + high[: self._numeric] @ (bits >> _HALF)
        if self._categorical:
            usable |= (categorical < self._first_gap).any(axis=0)
            hashes += codes[: self._categorical] @ categorical.astype(np.uint64)
        mixed = _mixed(hashes[usable])
        cell = (mixed >> _BUCKET_SHIFT).astype(np.int64) * 2 + (mixed & _ONE).astype(np.int64)
        found = np.bincount(cell, minlength=2 * BUCKETS).reshape(BUCKETS, 2)
        repeats = sums["repeats"]
        repeats[0] += len(mixed)
        repeats[1:] += found[:, 0] - found[:, 1]


def pairs_per_row(repeats: IntArray) -> FloatArray:
    """Return the mean number of other rows that equal a row, of ``repeats`` (…, 1 + BUCKETS); NaN without rows."""
    rows = repeats[..., 0].astype(np.float64)
    squares = (repeats[..., 1:].astype(np.float64) ** 2).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        pairs: FloatArray = np.maximum(squares / rows - 1.0, 0.0)
    return np.where(rows > 0, pairs, np.nan)


def pair_ratio(repeats: IntArray) -> float:
    """Return the share of the pairs of rows that are equal; 0 where it is below three standard errors."""
    rows = int(repeats[0])
    pairs = float(pairs_per_row(repeats))
    if rows < 2 or pairs < 3.0 * (2.0 / BUCKETS) ** 0.5:
        return 0.0
    return min(pairs / (rows - 1), 1.0)


def _mixed(hashes: HashArray) -> HashArray:
    """Return each hash with all bits spread over all others (the finaliser of SplitMix64)."""
    mixed = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    spread: HashArray = mixed ^ (mixed >> np.uint64(31))
    return spread
