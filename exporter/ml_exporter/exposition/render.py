"""Blocks of samples as text, in the Prometheus format 0.0.4 or OpenMetrics 1.0.0.

The part of a line before its value changes only when labels do, so it is kept; the digits of a whole
block are written in one call. Between two pages little else remains to be done than to join the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from ml_exporter.core.metrics import Block, Kind, Metric, Rows


class Format(Enum):
    """The formats of a page, by content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_HELP_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n"})
_Key = tuple[str, tuple[str, ...], Rows]


@dataclass(slots=True)
class _Plan:
    """Everything of a page but its digits.

    ``template`` holds heads, the part of each line before its value, and after each an empty place for the
    digits. ``places`` is, for each block, the first of these places and their number; ``families`` the
    places of each head and of the end of its family, with the numbers of its first block and the next one's.
    """

    keys: list[_Key]
    template: list[bytes] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    families: list[tuple[int, int, int, int]] = field(default_factory=list)


class Renderer:
    """Renders pages in one format and keeps what the next page needs again."""

    def __init__(self, format: Format) -> None:
        self._format = format
        self._plan = _Plan([])
        self._lines: dict[_Key, list[bytes]] = {}

    def render(self, blocks: Iterable[Block]) -> bytes:
        """Return the page of ``blocks``: each family once, in the order of its first block."""
        families: dict[str, list[Block]] = {}
        for block in blocks:
            families.setdefault(block.metric.name, []).append(block)
        ordered = [block for family in families.values() for block in family]
        keys = [(block.metric.name, block.scope, block.rows) for block in ordered]
        if keys != self._plan.keys:
            self._plan = self._make_plan(families, keys)
        out = self._plan.template.copy()
        values = [values_of(block) for block in ordered]
        for kind in ("f", "i"):
            self._write_digits(out, values, kind)
        end = b"# EOF\n" if self._format is Format.OPENMETRICS else b""
        return b"".join(out) + end

    def _write_digits(self, out: list[bytes], values: list[npt.NDArray[Any]], kind: str) -> None:
        """Write the digits of all blocks of one kind of number, and take out lines without a finite one."""
        chosen = [number for number, block in enumerate(values) if block.dtype.kind == kind]
        if not chosen:
            return
        joined = np.concatenate([values[number] for number in chosen])
        digits = digits_of(joined)
        start = 0
        for number in chosen:
            place, count = self._plan.places[number]
            out[place : place + 2 * count : 2] = digits[start : start + count]
            start += count
        if kind == "f" and not np.isfinite(joined).all():
            self._take_out(out, values)

    def _take_out(self, out: list[bytes], values: list[npt.NDArray[Any]]) -> None:
        for head, end, first, last in self._plan.families:
            left = 0
            for number in range(first, last):
                place, _ = self._plan.places[number]
                finite = np.isfinite(values[number])
                left += int(np.count_nonzero(finite))
                for row in np.flatnonzero(~finite).tolist():
                    out[place + 2 * row] = out[place + 2 * row - 1] = b""
            if not left:
                out[head] = out[end] = b""

    def _make_plan(self, families: dict[str, list[Block]], keys: list[_Key]) -> _Plan:
        plan = _Plan(keys)
        kept: dict[_Key, list[bytes]] = {}
        for family in families.values():
            head = len(plan.template)
            plan.template.append(head_of(family[0].metric, self._format))
            for block in family:
                key = keys[len(plan.places)]
                lines = kept[key] = self._lines.get(key) or [b"\n" + line for line in lines_of(block)]
                plan.places.append((len(plan.template) + 1, len(lines)))
                for line in lines:
                    plan.template += (line, b"")
            # A line ends where the next one begins: the last of a family needs its own end.
            plan.template.append(b"\n")
            end = len(plan.template) - 1
            plan.families.append((head, end, len(plan.places) - len(family), len(plan.places)))
        self._lines = kept
        return plan


def head_of(metric: Metric, format: Format) -> bytes:
    """Return the lines before the samples of a family, without a line break at the end."""
    name, kind = metric.name, metric.kind.value
    if format is Format.OPENMETRICS:
        name = name.removesuffix("_total") if metric.kind is Kind.COUNTER else name
        name = name.removesuffix("_info") if metric.kind is Kind.INFO else name
    elif metric.kind is Kind.INFO:
        kind = Kind.GAUGE.value
    return f"# HELP {name} {metric.help.translate(_HELP_ESCAPES)}\n# TYPE {name} {kind}".encode()


def digits_of(values: npt.NDArray[Any]) -> list[bytes]:
    """Return the text of each number of a one-dimensional array: the shortest that is read back as the same."""
    # As a list: of arrays orjson 3.12 and 3.13 write long texts beyond their memory, which ends the process.
    return orjson.dumps(values.tolist())[1:-1].split(b",") if len(values) else []


def values_of(block: Block) -> npt.NDArray[Any]:
    """Return the value of each line, (…, lines): of a histogram the cumulative buckets, the count and the sum."""
    if block.metric.kind is not Kind.HISTOGRAM:
        return block.values
    counts = np.cumsum(block.values[..., :-1], axis=-1)
    return np.concatenate((counts, counts[..., -1:], block.values[..., -1:]), axis=-1)


def lines_of(block: Block, more: Sequence[tuple[str, str]] = ()) -> list[bytes]:
    """Return each line of a block up to its value; the labels ``more`` come before its own."""
    extra = pairs_of(*zip(*more, strict=True)) if more else []
    lines = _histogram_series(block, extra) if block.metric.kind is Kind.HISTOGRAM else _series(block, extra)
    return [line.encode("utf-8", "replace") for line in lines]


def _series(block: Block, extra: list[str]) -> list[str]:
    name, labels = block.metric.name, block.metric.labels
    names = labels[: len(block.scope)]
    fixed = [*extra, *pairs_of(names, block.scope)]
    rest = labels[len(block.scope) :]
    lines = []
    for row in block.rows.values:
        if len(row) != len(rest):
            raise ValueError(f"{name}: {len(block.scope) + len(row)} label values for the labels {tuple(labels)}")
        pairs = ",".join([*fixed, *pairs_of(rest, row)])
        lines.append(f"{name}{{{pairs}}} " if pairs else f"{name} ")
    return lines


def _histogram_series(block: Block, extra: list[str]) -> list[str]:
    name, pairs = block.metric.name, [*extra, *pairs_of(block.metric.labels, block.scope)]
    bounds = [*(repr(float(bound)) for bound in block.metric.buckets), "+Inf"]
    lines = []
    for bound in bounds:
        inner = ",".join([*pairs, f'le="{bound}"'])
        lines.append(f"{name}_bucket{{{inner}}} ")
    inner = f"{{{','.join(pairs)}}}" if pairs else ""
    lines += [f"{name}_count{inner} ", f"{name}_sum{inner} "]
    return lines


def pairs_of(names: Sequence[str], values: Sequence[str]) -> list[str]:
    """Return labels as they stand between braces."""
    return [f'{name}="{value.translate(_ESCAPES)}"' for name, value in zip(names, values, strict=True)]
