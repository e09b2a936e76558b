"""Snapshots of several moments as one OpenMetrics text with timestamps, for backfilling with ``promtool``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from ml_exporter.core.metrics import Block, Kind, Rows
from ml_exporter.exposition.render import Format, head_of, lines_of, values_of

END: Final = b"# EOF\n"


@dataclass(slots=True)
class _Moments:
    """The values of one block over time, and the places of the moments at which it was there.

    ``is_constant`` tells that it was the same block each time, as a baseline's is.
    """

    block: Block
    places: list[int] = field(default_factory=list)
    values: list[npt.NDArray[Any]] = field(default_factory=list)
    is_constant: bool = True


class HistoryText:
    """Gathers the blocks of moments, earliest first; :meth:`text` returns them with each family in one piece.

    OpenMetrics wants the samples of a series together, in the order of time. ``labels`` are added to every
    series, as a scrape adds those of its target.
    """

    def __init__(self, labels: Sequence[tuple[str, str]] = ()) -> None:
        self._labels = tuple(labels)
        self._times: list[bytes] = []
        self._families: dict[str, dict[tuple[tuple[str, ...], Rows], _Moments]] = {}
        self.samples = 0

    def add(self, time: int, blocks: Iterable[Block]) -> None:
        """Add what there was at ``time`` (whole seconds since the Unix epoch)."""
        place = len(self._times)
        self._times.append(b" %d\n" % time)
        for block in blocks:
            family = self._families.setdefault(block.metric.name, {})
            moments = family.get((block.scope, block.rows))
            if moments is None:
                moments = family[block.scope, block.rows] = _Moments(block)
            moments.places.append(place)
            moments.values.append(values_of(block))
            moments.is_constant &= block is moments.block

    def text(self) -> bytes:
        """Return the whole text."""
        parts = []
        for family in self._families.values():
            written = self._family(list(family.values()))
            if written:
                parts += [head_of(next(iter(family.values())).block.metric, Format.OPENMETRICS), b"\n", *written]
        return b"".join((*parts, END))

    def _family(self, family: list[_Moments]) -> list[bytes]:
        scopes = {moments.block.scope for moments in family}
        if len(scopes) < len(family):
            return self._by_series(family)
        return [part for moments in family for part in self._by_block(moments)]

    def _by_block(self, moments: _Moments) -> list[bytes]:
        """Write a block whose rows never change: all moments of its first row, then of the next.

        The lines of a histogram at one moment belong together, so there it is all lines of the first moment.
        """
        starts = lines_of(moments.block, self._labels)
        times = [self._times[place] for place in moments.places]
        is_histogram = moments.block.metric.kind is Kind.HISTOGRAM
        values = np.array(moments.values) if is_histogram else np.array(moments.values).T
        out = [b""] * (3 * values.size)
        if is_histogram:
            out[0::3] = starts * len(times)
            out[2::3] = [time for time in times for _ in starts]
        else:
            out[0::3] = [start for start in starts for _ in times]
            out[2::3] = times * len(starts)
        if moments.is_constant and not is_histogram:
            out[1::3] = [digits for digits in _digits(moments.values[0]) for _ in times]
        else:
            out[1::3] = _digits(values.ravel())
        gone = ~np.isfinite(values.ravel()) if values.dtype.kind == "f" else np.zeros(0, bool)
        for place in np.flatnonzero(gone).tolist():
            out[3 * place : 3 * place + 3] = (b"", b"", b"")
        self.samples += values.size - int(np.count_nonzero(gone))
        return out

    def _by_series(self, family: list[_Moments]) -> list[bytes]:
        """Write blocks of one scope whose rows differ from moment to moment."""
        series: dict[bytes, list[tuple[int, bytes]]] = {}
        for moments in family:
            starts = lines_of(moments.block, self._labels)
            for place, values in zip(moments.places, moments.values, strict=True):
                for start, value, digits in zip(starts, values.tolist(), _digits(values), strict=True):
                    if np.isfinite(value):
                        series.setdefault(start, []).append((place, digits))
        out = []
        for start, points in series.items():
            self.samples += len(points)
            for place, digits in sorted(points):
                out += [start, digits, self._times[place]]
        return out


def _digits(values: npt.NDArray[Any]) -> list[bytes]:
    if not len(values):
        return []
    return orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
