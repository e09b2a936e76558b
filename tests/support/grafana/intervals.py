"""The step of a query and the intervals that follow from it, as Grafana computes them."""

from __future__ import annotations

import math

# Upper limit and rounded value, in milliseconds.
_ROUNDED = [
    (10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500), (1500, 1000), (3500, 2000),
    (7500, 5000), (12500, 10000), (17500, 15000), (25000, 20000), (45000, 30000), (90000, 60000),
    (210000, 120000), (450000, 300000), (750000, 600000), (1050000, 900000), (1500000, 1200000),
    (2700000, 1800000), (5400000, 3600000), (9000000, 7200000), (16200000, 10800000), (32400000, 21600000),
    (86400000, 43200000), (604800000, 86400000), (1814400000, 604800000), (3628800000, 2592000000),
]  # fmt: skip
MOST_POINTS = 11000


def nice(seconds: float) -> float:
    """Return an interval rounded to one that people read."""
    milliseconds = seconds * 1000
    return next((value for limit, value in _ROUNDED if milliseconds < limit), 31536000000) / 1000


def step(seconds: float, points: float, least: float) -> float:
    """Return the step of a query over a range: rounded, at least `least`, at most 11,000 points."""
    exact = seconds / max(points, 1)
    return max(least if exact < least else nice(exact), nice(seconds / MOST_POINTS))


def rate_interval(interval: float, scrape: float) -> float:
    """Return `$__rate_interval`."""
    return max(interval + scrape, 4 * scrape)


def aligned(time: float, step_seconds: float) -> float:
    """Return a time rounded down to a multiple of the step."""
    return math.floor(time / step_seconds + 1e-9) * step_seconds


def written(seconds: float) -> str:
    """Return a duration as PromQL takes it."""
    milliseconds = round(seconds * 1000)
    for unit, size in (("d", 86400000), ("h", 3600000), ("m", 60000), ("s", 1000)):
        if milliseconds >= size and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"
