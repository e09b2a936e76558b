"""Snapshots of several moments as one OpenMetrics text with timestamps, for backfilling with ``promtool``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml_exporter.core.metrics import Block, Kind, Rows
from ml_exporter.exposition.render import Format, digits_of, head_of, lines_of, values_of

END: Final = b"# EOF\n"


@dataclass(slots=True)
class _Series:
    """The values of one block over time, (moments, lines) each, and the places of the moments that have it.

    ``is_constant`` tells that it was the same block each time, as a baseline's is; there is one row then.
    """

    block: Block
    places: list[int] = field(default_factory=list)
    values: list[npt.NDArray[Any]] = field(default_factory=list)
    is_constant: bool = False


class HistoryText:
    """Gathers the blocks of moments, earliest first; :meth:`text` yields them with each family in one piece.

    OpenMetrics wants the samples of a series together, in the order of time. ``labels`` are added to every
    series, as a scrape adds those of its target.
    """

    def __init__(self, labels: Sequence[tuple[str, str]] = ()) -> None:
        self._labels = tuple(labels)
        self._times: list[bytes] = []
        self._families: dict[str, dict[tuple[tuple[str, ...], Rows], _Series]] = {}
        self.samples = 0

    def moments(self, times: Iterable[int]) -> Sequence[int]:
        """Begin moments at ``times`` (whole seconds since the Unix epoch); return the place of each."""
        first = len(self._times)
        self._times += [b" %d\n" % time for time in times]
        return range(first, len(self._times))

    def add(self, places: Sequence[int], block: Block) -> None:
        """Add what there was at some moments; the block's values are (moments, rows)."""
        series = self._series(block)
        series.places += places
        series.values.append(values_of(block))

    def add_constant(self, places: Sequence[int], block: Block) -> None:
        """Add a block that is the same at every moment at which it is there; its values are (rows,)."""
        series = self._series(block)
        series.places += places
        series.values, series.is_constant = [values_of(block)[None]], True

    def _series(self, block: Block) -> _Series:
        family = self._families.setdefault(block.metric.name, {})
        series = family.get((block.scope, block.rows))
        if series is None:
            series = family[block.scope, block.rows] = _Series(block)
        return series

    def text(self) -> Iterator[bytes]:
        """Yield the whole text, a series or a block at a time."""
        for family in self._families.values():
            head = head_of(next(iter(family.values())).block.metric, Format.OPENMETRICS) + b"\n"
            for lines in self._family(list(family.values())):
                yield head + lines
                head = b""
        yield END

    def _family(self, family: list[_Series]) -> Iterator[bytes]:
        scopes = {series.block.scope for series in family}
        if len(scopes) < len(family):
            yield from self._by_line(family)
            return
        for series in family:
            if series.block.metric.kind is Kind.HISTOGRAM:
                yield from self._by_moment(series)
            else:
                yield from self._by_row(series)

    def _by_row(self, series: _Series) -> Iterator[bytes]:
        """Write a block whose rows never change: all moments of its first row, then of the next."""
        times = [self._times[place] for place in series.places]
        starts = lines_of(series.block, self._labels)
        if series.is_constant:
            (values,) = series.values[0]
            for start, digits, is_finite in zip(starts, digits_of(values), np.isfinite(values), strict=True):
                yield (start + digits).join((b"", *times)) if is_finite else b""
                self.samples += len(times) if is_finite else 0
        else:
            for start, values in zip(starts, np.concatenate(series.values).T, strict=True):
                yield self._joined([start] * len(times), values, times)

    def _by_moment(self, series: _Series) -> Iterator[bytes]:
        """Write a histogram, whose lines at one moment belong together: all of the first moment, then the next."""
        starts = lines_of(series.block, self._labels)
        for place, values in zip(series.places, np.concatenate(series.values), strict=True):
            yield self._joined(starts, values, [self._times[place]] * len(starts))

    def _joined(self, starts: list[bytes], values: npt.NDArray[Any], times: list[bytes]) -> bytes:
        """Return a line for each value that is a finite number."""
        lines = [b""] * (3 * len(values))
        lines[0::3], lines[1::3], lines[2::3] = starts, digits_of(values), times
        gone = np.flatnonzero(~np.isfinite(values)).tolist()
        for place in gone:
            lines[3 * place : 3 * place + 3] = (b"", b"", b"")
        self.samples += len(values) - len(gone)
        return b"".join(lines)

    def _by_line(self, family: list[_Series]) -> Iterator[bytes]:
        """Write blocks of one scope whose rows differ from moment to moment."""
        lines: dict[bytes, list[tuple[int, bytes]]] = {}
        for series in family:
            starts = lines_of(series.block, self._labels)
            values = np.concatenate(series.values)
            for place, row in zip(
                series.places, np.broadcast_to(values, (len(series.places), len(starts))), strict=True
            ):
                for start, value, digits in zip(starts, row.tolist(), digits_of(row), strict=True):
                    if np.isfinite(value):
                        lines.setdefault(start, []).append((place, digits))
        for start, points in lines.items():
            self.samples += len(points)
            yield b"".join(start + digits + self._times[place] for place, digits in sorted(points))
