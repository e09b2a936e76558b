"""Counters of any number of replicas as increases over windows: the sums that every ratio is made of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from definitions.rule import REPLICA, Record

SECONDS: Final = {"5m": 300, "30m": 1_800, "1h": 3_600, "2h": 7_200, "6h": 21_600, "24h": 86_400, "3d": 259_200}

TILE: Final = os.environ.get("ML_RULES_TILE", "5m")
"""The shortest window, of which longer ones are summed; longer for a history of fewer moments (generate.py)."""


def _longer(*windows: str) -> tuple[str, ...]:
    return tuple(window for window in windows if SECONDS[window] > SECONDS[TILE])


SIGNAL_WINDOWS: Final = _longer("1h", "24h")
SLO_WINDOWS: Final = _longer("30m", "1h", "2h", "6h", "24h", "3d")


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
    """Return a counter's increase over 5m, summed over the replicas and over the labels ``also``.

    In a history of one moment for each tile a range holds no two samples; its counters are never reset instead.
    """
    grown = f"increase({counter}[{TILE}])"
    if TILE != "5m":
        grown = f"{counter} - ({counter} offset {TILE} or {counter} * 0)"
    return f"sum without ({REPLICA}{also}) ({grown})"


def rolled(name: str, tile: str, windows: tuple[str, ...] = SIGNAL_WINDOWS) -> Iterator[Record]:
    """Yield a sum over 5m and the sums over longer windows.

    Only five minutes of samples of every replica are ever read. Longer windows add up what was recorded each five
    minutes, of which there is one series however many replicas there are.
    """
    yield Record(name, tile, {"window": TILE})
    for window in windows:
        yield Record(name, f'sum_over_time({name}{{window="{TILE}"}}{tiles(window)})', {"window": window})


def tiles(window: str) -> str:
    """Return the range of a subquery over the tiles of a longer window.

    A history is evaluated at multiples of its tile, where a range of the window's own length has one tile too many.
    """
    return f"[{window}:{TILE}]" if TILE == "5m" else f"[{SECONDS[window] - SECONDS[TILE] // 2}s:{TILE}]"


def constant(level: str, gauge: str, operation: str = "max") -> Record:
    """Return a fact that all replicas of a model share, such as its baseline's, once."""
    return Record(f"{level}:{gauge}:{operation}", f"{operation} without ({REPLICA}) ({gauge})")
