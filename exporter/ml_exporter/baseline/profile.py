"""First pass over a column: what it holds, and a sample of it, in bounded memory."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ml_exporter.baseline.source import Column
from ml_exporter.core.arrays import FloatArray, payload_of
from ml_exporter.core.schema import FeatureKind

SAMPLE: Final = 100_000
"""Numbers kept of a column for its quantiles: a quantile is then within 0.3 % of the rows (chosen)."""

DISTINCT: Final = 10_000
"""Distinct names counted in a column; a column of more is not categorical (chosen)."""

_NINE_OF_TEN: Final = 3.2897072539029435
"""Standard deviations between the 5 % and the 95 % quantile of a normal distribution."""

NUMERIC_SHARE: Final = 0.95
"""Share of the values that must read as numbers for a column to be numeric (chosen)."""

_COUNTED: Final = 100

TEXT_SHARE: Final = 0.5
"""Share of distinct values from which on a column is identifiers or free text (chosen)."""


@dataclass
class Profile:
    """What one column held over all chunks: counts, moments, a uniform sample, the most frequent names.

    ``is_text`` tells that its numbers are the lengths of its texts.
    """

    rng: np.random.Generator
    rows: int = 0
    missing: int = 0
    words: int = 0
    finite: int = 0
    infinite: int = 0
    minimum: float = math.inf
    maximum: float = -math.inf
    mean: float = 0.0
    squares: float = 0.0
    sample: FloatArray = field(default_factory=lambda: np.zeros(0))
    names: Counter[str] = field(default_factory=Counter)
    overflow: bool = False
    counts_up: bool = True
    is_beside: bool = False
    is_text: bool = False

    def add(self, column: Column) -> None:
        """Take in the next chunk of the column."""
        self.is_beside = column.is_beside
        self.rows += len(column.values)
        self.missing += int(np.count_nonzero(column.missing))
        self.words += 0 if self.is_text else int(np.count_nonzero(column.words()))
        numbers = column.numbers(self.is_text)
        self.infinite += int(np.count_nonzero(payload_of(numbers[np.isnan(numbers)]) == 3))
        self._add_numbers(numbers[~np.isnan(numbers)])
        if not self.overflow and (column.values.dtype == object or len(self.names) <= DISTINCT):
            self.names.update(name for name in column.names() if name is not None)
            self.overflow = len(self.names) > DISTINCT

    def _add_numbers(self, numbers: FloatArray) -> None:
        count = len(numbers)
        if not count:
            return
        steps = np.diff(numbers, prepend=self.maximum) if self.finite else np.diff(numbers)
        self.counts_up = self.counts_up and bool((steps > 0).all() and (numbers == np.floor(numbers)).all())
        self.minimum = min(self.minimum, float(numbers.min()))
        self.maximum = max(self.maximum, float(numbers.max()))
        self._add_moments(numbers)
        kept = self.sample
        room = min(SAMPLE - len(kept), count)
        self.sample = kept = np.concatenate((kept, numbers[:room]))
        rest = numbers[room:]
        seen = self.finite + room + np.arange(len(rest))
        places = self.rng.integers(0, seen + 1)
        inside = places < SAMPLE
        kept[places[inside]] = rest[inside]
        self.finite += count

    def _add_moments(self, numbers: FloatArray) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            count, mean = len(numbers), float(numbers.mean())
            squares = float(((numbers - mean) ** 2).sum())
            total = self.finite + count
            gap = mean - self.mean
            self.squares += squares + gap * gap * self.finite * count / total
            self.mean += gap * count / total

    @property
    def present(self) -> int:
        """Rows that are not missing."""
        return self.rows - self.missing

    @property
    def numeric_share(self) -> float:
        """Share of the values that are numbers, words for a missing one left out."""
        return (self.finite + self.infinite) / max(self.present - self.words, 1)

    @property
    def center(self) -> float:
        """Mean of the numbers; of the sample where the mean overflows; 0 if there is none."""
        if not len(self.sample):
            return 0.0
        return self.mean if math.isfinite(self.mean) else float(np.median(self.sample))

    @property
    def scale(self) -> float:
        """Standard deviation of the numbers, or a positive stand-in where they are all equal."""
        deviation = math.sqrt(self.squares / self.finite) if self.finite and self.squares > 0 else 0.0
        if not math.isfinite(deviation):
            low, high = np.quantile(self.sample, [0.05, 0.95])
            deviation = float(high - low)
        return deviation if deviation > 0 and math.isfinite(deviation) else abs(self.center) or 1.0

    @property
    def spread(self) -> float:
        """Standard deviation as nine of ten numbers tell it, whatever a few others say; at most :attr:`scale`."""
        low, high = np.quantile(self.sample, [0.05, 0.95]) if len(self.sample) else (0.0, 0.0)
        told = float(high - low) / _NINE_OF_TEN
        return min(told, self.scale) if told > 0 else self.scale

    def kind(self) -> tuple[FeatureKind | None, str]:
        """Return the kind that the values suggest, None for a column that is no feature, and why."""
        if not self.present:
            return None, "no values"
        if not self.overflow and set(self.names) <= {"true", "false"}:
            return FeatureKind.CATEGORICAL, "true and false"
        share = self.numeric_share
        if share >= NUMERIC_SHARE and not self._has_codes():
            if self.counts_up and self.finite == self.rows >= _COUNTED:
                return None, "whole numbers that count up: a row number or id"
            return FeatureKind.NUMERIC, "numbers" if share == 1 else f"{share:.1%} numbers"
        if self.overflow or len(self.names) > max(TEXT_SHARE * self.present, 50):
            count = f"over {DISTINCT:,}" if self.overflow else f"{len(self.names):,}"
            return None, f"identifiers or text: {count} distinct values; as text its lengths are compared"
        return FeatureKind.CATEGORICAL, f"{len(self.names):,} distinct values"

    def _has_codes(self) -> bool:
        """Whether numbers are written with leading zeros, as postcodes and keys are."""
        return not self.overflow and any(name[:1] == "0" and name[1:].isdigit() for name in self.names)
