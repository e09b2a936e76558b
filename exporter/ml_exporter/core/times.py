"""Which numbers are times of predictions, and the hours of a week."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_exporter.core.arrays import BoolArray, FloatArray, IntArray

EARLIEST: Final = 315_532_800.0
"""The year 1980 (chosen): smaller numbers are no times of a model's predictions, but another column."""

LATEST: Final = 4_102_444_800.0
"""2100-01-01: a timestamp beyond it is in another unit than seconds."""

WEEK_HOURS: Final = 168


def are_times(seconds: FloatArray) -> BoolArray:
    """Return which numbers are seconds since the Unix epoch between 1980 and 2100; NaN is none."""
    return (seconds >= EARLIEST) & (seconds <= LATEST)


def hour_of_week(hours: IntArray) -> IntArray:
    """Return the hour of the week of hours since the Unix epoch: 0 is Sunday 00:00 UTC, as Prometheus counts days.

    >>> hour_of_week(np.array([0, 24 * 3 + 5])).tolist()
    [96, 5]
    """
    return np.asarray((hours // 24 + 4) % 7 * 24 + hours % 24, np.int64)
