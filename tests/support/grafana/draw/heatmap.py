"""Heatmaps of rows that are already buckets or series."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.colors import to_hex

from support.grafana.draw import colours, units
from support.grafana.draw.canvas import Box, text_width
from support.grafana.draw.panel import Drawing
from support.grafana.draw.scales import Scale, time_ticks
from support.grafana.fieldconfig import Column
from support.grafana.frames import is_number

SIZE = 12


def draw(drawing: Drawing) -> None:
    """Draw a row of cells for each field."""
    if drawing.options.get("calculate"):
        raise NotImplementedError(f"panel {drawing.panel.title!r}: heatmap with calculate")
    rows = drawing.numbers
    if not any(row.field.values for row in rows):
        drawing.nothing()
        return
    rows = _ordered(rows)
    axis = drawing.options.get("yAxis") or {}
    if axis.get("reverse"):
        rows = rows[::-1]
    box = drawing.box
    scale_height = 34 if (drawing.options.get("legend") or {}).get("show", True) else 0
    labels = [_label(drawing, row) for row in rows]
    hidden = axis.get("axisPlacement") == "hidden"
    left = 4.0 if hidden else float(axis.get("axisWidth") or max(text_width(text, SIZE) for text in labels) + 12)
    title = str(axis.get("axisLabel") or "")
    left += 20 if title and not hidden else 0
    plot = Box(box.x + left, box.y + 4, box.w - left - 12, box.h - 28 - scale_height)
    low, high = _limits(drawing, rows)
    if not hidden:
        _labels(drawing, plot, labels, title, left)
    time = Scale(drawing.start * 1000, drawing.end * 1000, plot.x, plot.right)
    for at, text in time_ticks(time):
        drawing.canvas.text(time.at(at), plot.bottom + 14, text, SIZE, align="center", clip=box)
    _cells(drawing, rows, plot, time, low, high)
    if scale_height:
        _legend(drawing, Box(box.x + left, box.bottom - 30, box.w - left - 12, 30), low, high, rows)


def _ordered(rows: list[Column]) -> list[Column]:
    """Return rows by the number that names them, where all have one; lowest first, as Grafana stacks them."""

    def bound(row: Column) -> float:
        name = row.field.labels.get("le", row.name)
        return float(name.replace("+Inf", "inf"))

    try:
        return sorted(rows, key=bound)
    except ValueError:
        return rows


def _label(drawing: Drawing, row: Column) -> str:
    axis = drawing.options.get("yAxis") or {}
    unit = axis.get("unit")
    name = row.name
    try:
        number = float(name.replace("+Inf", "inf"))
    except ValueError:
        return name
    return units.written(number, unit, axis.get("decimals"), row.now) if math.isfinite(number) else name


def _labels(drawing: Drawing, plot: Box, labels: list[str], title: str, left: float) -> None:
    height = plot.h / len(labels)
    every = max(math.ceil(14 / height), 1)
    for place, text in enumerate(labels):
        if place % every == 0:
            y = plot.bottom - (place + 0.5) * height
            drawing.canvas.text(plot.x - 6, y, text, SIZE, align="right", clip=drawing.box)
    if title:
        x = plot.x - left + 9
        drawing.canvas.text(x, plot.middle[1], title, SIZE, align="center", turned=90, clip=drawing.box)


def _limits(drawing: Drawing, rows: list[Column]) -> tuple[float, float]:
    values = [v for row in rows for v in row.field.numbers() if math.isfinite(v) and not _filtered(drawing, v)]
    options = drawing.options.get("color") or {}
    low, high = options.get("min"), options.get("max")
    least = float(low) if low is not None else min(values, default=0.0)
    most = float(high) if high is not None else max(values, default=1.0)
    return least, most if most > least else least + 1


def _filtered(drawing: Drawing, value: float) -> bool:
    limits = drawing.options.get("filterValues") or {}
    least, most = limits.get("le"), limits.get("ge")
    return (least is not None and value <= float(least)) or (most is not None and value >= float(most))


def _shades(drawing: Drawing) -> tuple[object, float]:
    options = drawing.options.get("color") or {}
    exponential = options.get("mode") == "opacity" and options.get("scale", "exponential") == "exponential"
    return colours.scheme(options), float(options.get("exponent") or 0.5) if exponential else 1.0


def _cells(drawing: Drawing, rows: list[Column], plot: Box, time: Scale, low: float, high: float) -> None:
    shades, exponent = _shades(drawing)
    steps = int((drawing.options.get("color") or {}).get("steps") or 64)
    gap = float(drawing.options.get("cellGap") if drawing.options.get("cellGap") is not None else 1)
    height = plot.h / len(rows)
    times = rows[0].frame.time
    step = float(times.config.get("interval") or 0) if times else 0.0
    step = step or min(np.diff(times.values), default=60000) if times and len(times.values) > 1 else step or 60000
    width = max(time.at(time.low + step) - plot.x, 1)
    for place, row in enumerate(rows):
        clock = row.frame.time
        for at, value in zip(clock.values if clock else [], row.field.values, strict=True):
            if not is_number(value) or math.isinf(value) or _filtered(drawing, value):
                continue
            share = max(0.0, min((value - low) / (high - low), 1.0)) ** exponent
            share = min(int(share * steps), steps - 1) / (steps - 1) if steps > 1 else share
            shade = to_hex(shades(share), keep_alpha=True)  # type: ignore[operator]
            inner = gap if width > 3 * gap else 0
            top = plot.bottom - (place + 1) * height
            cell = Box(time.at(at), top, width - inner, height - min(gap, height / 3))
            drawing.canvas.rect(cell, shade, clip=plot)


def _legend(drawing: Drawing, box: Box, low: float, high: float, rows: list[Column]) -> None:
    shades, exponent = _shades(drawing)
    width = min(box.w, 300.0)
    for part in range(60):
        piece = Box(box.x + width * part / 60, box.y + 4, width / 60 + 0.5, 8)
        shade = to_hex(shades((part / 59) ** exponent), keep_alpha=True)  # type: ignore[operator]
        drawing.canvas.rect(piece, shade, clip=drawing.box)
    options = drawing.options.get("cellValues") or {}
    unit = options.get("unit") or rows[0].config.get("unit")
    for value, x, align in ((low, box.x, "left"), (high, box.x + width, "right")):
        text = units.written(value, unit, options.get("decimals"), rows[0].now)
        drawing.canvas.text(x, box.y + 22, text, 11, align=align, clip=drawing.box)
