"""How many predictions came in each hour of the week, from the times of the rows."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from ml_exporter.baseline.document import VolumeDocument
from ml_exporter.baseline.source import Chunk
from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.errors import BaselineError
from ml_exporter.core.times import WEEK_HOURS, are_times, hour_of_week

_HOUR: Final = 3600.0
_DAY: Final = 86_400.0

_SPARED: Final = 0.1
"""Share of an hour that may lack before the first row and behind the last, and it still counts (chosen)."""


class HourlyVolume:
    """Counts rows by the hour of their time. A row without a usable time is not counted."""

    def __init__(self, column: str | None) -> None:
        self._column = column
        self._counts: Counter[int] = Counter()
        self._days: dict[int, tuple[float, float]] = {}

    def add(self, chunk: Chunk) -> None:
        """Take in the next rows."""
        if self._column not in chunk:
            return
        times = chunk[self._column].seconds()
        times = np.sort(times[are_times(times)])
        if not len(times):
            return
        hours, counts = np.unique((times // _HOUR).astype(np.int64), return_counts=True)
        self._counts.update(dict(zip(hours.tolist(), counts.tolist(), strict=True)))
        days, firsts = np.unique((times // _DAY).astype(np.int64), return_index=True)
        lasts = np.append(firsts[1:], len(times)) - 1
        for day, first, last in zip(days.tolist(), times[firsts].tolist(), times[lasts].tolist(), strict=True):
            known = self._days.get(day, (first, last))
            self._days[day] = (min(known[0], first), max(known[1], last))

    def document(self) -> VolumeDocument | None:
        """Return the rows by hour of the week; BaselineError if there is no whole hour; None if nobody asked.

        Days without a row part periods: a week that lies apart from the others, or a single wrong time, tells
        nothing of the days between. Of a period only whole hours count: those cut off at its ends do not.
        """
        if self._column is None:
            return None
        if not self._days:
            wanted = "seconds since 1970 or ISO 8601, from 1980 on"
            raise BaselineError(f'--timestamp: column "{self._column}" holds no times: {wanted}')
        days = np.array(sorted(self._days), np.int64)
        ends = np.flatnonzero(np.diff(days, append=days[-1] + 2) > 1)
        starts = np.append(0, ends[:-1] + 1)
        whole = np.concatenate(
            [
                _whole(self._days[int(days[start])][0], self._days[int(days[end])][1])
                for start, end in zip(starts, ends, strict=True)
            ]
        )
        if not len(whole):
            raise BaselineError("--timestamp: the rows lie within no whole hour: they cannot tell a usual volume")
        places = hour_of_week(whole)
        rows = np.array([self._counts[hour] for hour in whole.tolist()], np.int64)
        return VolumeDocument(
            rows=np.bincount(places, rows, WEEK_HOURS).astype(np.int64).tolist(),
            hours=np.bincount(places, minlength=WEEK_HOURS).tolist(),
        )


def _whole(first: float, last: float) -> IntArray:
    """Return the whole hours between two times, as hours since 1970."""
    return np.arange(np.ceil(first / _HOUR - _SPARED), np.floor(last / _HOUR + _SPARED), dtype=np.int64)


def hourly_of(document: VolumeDocument | None) -> FloatArray:
    """Return the mean rows in each hour of the week, (168,); NaN for one that the rows do not tell of."""
    if document is None:
        return np.full(WEEK_HOURS, np.nan)
    hours: IntArray = np.array(document.hours, np.int64)
    return np.where(hours > 0, np.array(document.rows) / np.maximum(hours, 1), np.nan)
