"""Counters of any number of replicas as increases over windows: the sums that every ratio is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from definitions.rule import REPLICA, Record

SIGNAL_WINDOWS: Final = ("1h", "24h")
SLO_WINDOWS: Final = ("30m", "1h", "2h", "6h", "24h", "3d")
TILE: Final = "5m"


def increases(
    level: str, *counters: str, windows: tuple[str, ...] = SIGNAL_WINDOWS, record: str = ""
) -> Iterator[Record]:
    """Yield, for each counter, its increase over 5m and over longer windows, summed over the replicas.

    ``record`` is another name than the counter's.
    """
    for counter in counters:
        name = f"{level}:{record or counter.removesuffix('_total')}:increase"
        yield from rolled(name, increase(counter), windows)


def increase(counter: str, also: str = "") -> str:
    """Return a counter's increase over 5m, summed over the replicas and over the labels ``also``."""
    return f"sum without ({REPLICA}{also}) (increase({counter}[{TILE}]))"


def rolled(name: str, tile: str, windows: tuple[str, ...] = SIGNAL_WINDOWS) -> Iterator[Record]:
    """Yield a sum over 5m and the sums over longer windows.

    Only five minutes of samples of every replica are ever read. Longer windows add up what was recorded each five
    minutes, of which there is one series however many replicas there are.
    """
    yield Record(name, tile, {"window": TILE})
    for window in windows:
        yield Record(name, f'sum_over_time({name}{{window="{TILE}"}}[{window}:{TILE}])', {"window": window})


def constant(level: str, gauge: str, operation: str = "max") -> Record:
    """Return a fact that all replicas of a model share, such as its baseline's, once."""
    return Record(f"{level}:{gauge}:{operation}", f"{operation} without ({REPLICA}) ({gauge})")
