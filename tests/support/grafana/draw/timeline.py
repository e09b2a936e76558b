"""State timelines and status histories: a row for each series, a colour for each state."""

from __future__ import annotations

import math
from typing import Any

from support.grafana.draw import colours
from support.grafana.draw.canvas import Box, cut, text_width
from support.grafana.draw.legend import LINE
from support.grafana.draw.panel import Drawing
from support.grafana.draw.scales import Scale, time_ticks
from support.grafana.fieldconfig import Column
from support.grafana.frames import TIME

SIZE = 12
Span = tuple[float, float, Any]


def draw(drawing: Drawing) -> None:
    """Draw a state timeline or a status history."""
    rows = [column for columns in drawing.columns for column in columns if column.field.kind != TIME]
    rows = [row for row in rows if not (row.custom.get("hideFrom") or {}).get("viz") and row.frame.time]
    if not any(row.field.values for row in rows):
        drawing.nothing()
        return
    states = _states(rows)
    legend = drawing.options.get("legend") or {}
    lines = _lines(states, drawing.box.w) if legend.get("showLegend", True) else []
    foot = len(lines) * LINE + (4 if lines else 0)
    box = Box(drawing.box.x, drawing.box.y, drawing.box.w, drawing.box.h - foot)
    placed = [row for row in rows if (row.custom.get("axisPlacement") or "auto") != "hidden"]
    names = max((text_width(row.name, SIZE) for row in placed), default=0)
    left = min(names + 12, box.w * 0.4) if placed else 4
    plot = Box(box.x + left, box.y, box.w - left - 8, box.h - 24)
    time = Scale(drawing.start * 1000, drawing.end * 1000, plot.x, plot.right)
    for at, text in time_ticks(time):
        drawing.canvas.text(time.at(at), plot.bottom + 14, text, SIZE, align="center", clip=drawing.box)
    _rows(drawing, rows, plot, time, left)
    for line, entries in enumerate(lines):
        x, y = box.x, box.bottom + 4 + line * LINE + LINE / 2
        for name, shade in entries:
            drawing.canvas.rect(Box(x, y - 2, 14, 4), shade, radius=1.9)
            drawing.canvas.text(x + 20, y, name, SIZE, clip=drawing.box)
            x += text_width(name, SIZE) + 36


def _rows(drawing: Drawing, rows: list[Column], plot: Box, time: Scale, left: float) -> None:
    slot = plot.h / len(rows)
    height = slot * float(drawing.options.get("rowHeight") or 0.9)
    history = drawing.panel.type == "status-history"
    for place, row in enumerate(rows):
        y = plot.y + place * slot + (slot - height) / 2
        if left > 4:
            middle = plot.y + (place + 0.5) * slot
            drawing.canvas.text(
                plot.x - 8, middle, cut(row.name, SIZE, left - 10), SIZE, align="right", clip=drawing.box
            )
        merge = not history and drawing.options.get("mergeValues") is not False
        for start, end, value in _spans(row, drawing.end * 1000, merge=merge):
            shown = row.show(value)
            if history:
                wide = (end - start) * float(drawing.options.get("colWidth") or 0.9)
                start, end = (
                    (start + end) / 2 - wide / 2 - (end - start) / 2,
                    (start + end) / 2 + wide / 2 - (end - start) / 2,
                )
            cell = Box(time.at(start), y, max(time.at(end) - time.at(start), 1), height)
            fill = float(row.custom.get("fillOpacity", 70)) / 100
            drawing.canvas.rect(cell, shown.colour, alpha=fill, clip=plot)
            if float(row.custom.get("lineWidth", 0 if not history else 1)) and cell.w > 2:
                drawing.canvas.rect(cell, None, edge=shown.colour, clip=plot)
            _value(drawing, shown.text, cell, plot, fill, shown.colour)


def _value(drawing: Drawing, text: str, cell: Box, plot: Box, fill: float, shade: str) -> None:
    show = drawing.options.get("showValue") or "auto"
    seen = Box(max(cell.x, plot.x), cell.y, min(cell.right, plot.right) - max(cell.x, plot.x), cell.h)
    if show == "never" or (show == "auto" and (text_width(text, SIZE) + 8 > seen.w or cell.h < SIZE)):
        return
    ink = colours.readable_on(colours.faded(shade, fill)) if shade != "none" else colours.TEXT
    align = drawing.options.get("alignValue") or "left"
    x = {"left": seen.x + 4, "right": seen.right - 4}.get(align, seen.middle[0])
    drawing.canvas.text(x, cell.middle[1], text, SIZE, ink, align=align, clip=seen)


def _spans(row: Column, end: float, *, merge: bool) -> list[Span]:
    """Return start, end and value of each state; a gap in the samples ends a state."""
    clock = row.frame.time
    assert clock is not None
    step = float(clock.config.get("interval") or 0)
    spans: list[Span] = []
    for place, (at, value) in enumerate(zip(clock.values, row.field.values, strict=True)):
        following = clock.values[place + 1] if place + 1 < len(clock.values) else min(at + (step or end - at), end)
        until = following if not step or following - at <= step * 1.5 else at + step
        if value is None or (isinstance(value, float) and math.isnan(value)):
            continue
        if merge and spans and spans[-1][1] == at and row.show(spans[-1][2]).text == row.show(value).text:
            spans[-1] = (spans[-1][0], until, spans[-1][2])
        else:
            spans.append((at, until, value))
    return spans


def _states(rows: list[Column]) -> list[tuple[str, str]]:
    """Return names and colours for the legend: thresholds as ranges, or the states that occur."""
    first = rows[0]
    mode = (first.config.get("color") or {}).get("mode") or "thresholds"
    mapped: dict[str, str] = {}
    plain = False
    for row in rows:
        for value in row.field.values:
            shown = row.show(value)
            plain = plain or (not shown.mapped and value is not None)
            if shown.text and (shown.mapped or row.field.kind == "string"):
                mapped.setdefault(shown.text, shown.colour)
    if mapped or mode != "thresholds":
        return list(mapped.items())
    steps = first.thresholds
    made = []
    for place, (limit, shade) in enumerate(steps):
        upper = steps[place + 1][0] if place + 1 < len(steps) else None
        if upper is None:
            made.append((f"{first.write(limit)}+" if math.isfinite(limit) else "all", shade))
        else:
            low = first.write(limit) if math.isfinite(limit) else ""
            made.append((f"{low} - {first.write(upper)}" if low else f"< {first.write(upper)}", shade))
    return made


def _lines(states: list[tuple[str, str]], width: float) -> list[list[tuple[str, str]]]:
    lines: list[list[tuple[str, str]]] = []
    used = width
    for name, shade in states:
        need = text_width(name, SIZE) + 36
        if not lines or used + need > width:
            lines.append([])
            used = 0.0
        lines[-1].append((name, shade))
        used += need
    return lines
