"""What a signal or a reader hands to the exposition: metrics, blocks of samples, and reasons for none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray


class Kind(StrEnum):
    """Metric types; an info metric is exposed as a gauge of value 1 in the text format."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family: its exposed name, type, help, label names in order, and buckets of a histogram."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


def counter(name: str, help: str, *labels: str) -> Metric:
    """Return a counter; ``name`` ends with ``_total``."""
    return Metric(name, Kind.COUNTER, help, labels)


def gauge(name: str, help: str, *labels: str) -> Metric:
    """Return a gauge."""
    return Metric(name, Kind.GAUGE, help, labels)


def info(name: str, help: str, *labels: str) -> Metric:
    """Return an info metric: value 1, facts in its labels; ``name`` ends with ``_info``."""
    return Metric(name, Kind.INFO, help, labels)


def histogram(name: str, help: str, buckets: Sequence[float], *labels: str) -> Metric:
    """Return a histogram with the given upper bounds, ``+Inf`` excluded."""
    return Metric(name, Kind.HISTOGRAM, help, labels, tuple(buckets))


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """The trailing label values of a block's series, one tuple a series.

    Made once for a model and used by every block that has these rows: the exposition keeps the
    rendered labels by the identity of this object.
    """

    values: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> Rows:
        """Return rows of one label value each."""
        return cls(tuple((name,) for name in names))

    def __len__(self) -> int:
        return len(self.values)


ONE: Final = Rows(((),))
"""The rows of a block with a single series that needs no label beyond its scope."""


@dataclass(eq=False, slots=True)
class Block:
    """Samples of one metric: the leading label values shared by all, the rows, and a value for each row.

    A NaN in a float array means that this series has no sample now. For a histogram ``rows`` is
    :data:`ONE` and ``values`` holds the count of each bucket (not cumulative, ``+Inf`` last), then the sum.
    Nobody changes a block; it is not frozen, as there are many, and a frozen one takes longer to make.
    """

    metric: Metric
    scope: tuple[str, ...]
    rows: Rows
    values: FloatArray | IntArray


@dataclass(frozen=True, slots=True)
class NoData:
    """Why a signal, or one feature's part of it, has no sample now."""

    scope: tuple[str, ...]
    signal: str
    reason: str
    feature: str = ""


class Collector(Protocol):
    """Anything that yields samples at a scrape or a tick, and names every metric that it may yield."""

    key: str

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Every metric that :meth:`collect` may yield."""

    def collect(self) -> Iterable[Block]:
        """Yield the samples of now."""


@runtime_checkable
class Closing(Protocol):
    """A collector that holds something which must be given back, such as a child process."""

    def close(self) -> None:
        """Give it back; may take seconds."""


def one(metric: Metric, value: float, *scope: str) -> Block:
    """Return a block of a single sample whose label values are all in ``scope``."""
    return Block(metric, scope, ONE, np.array([value]))
