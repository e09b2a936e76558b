"""Pie charts."""

from __future__ import annotations

from typing import Any

from support.grafana.draw.canvas import Box, text_width
from support.grafana.draw.legend import LINE
from support.grafana.draw.panel import Drawing
from support.grafana.fieldconfig import Column
from support.grafana.frames import is_number

SIZE = 12


def draw(drawing: Drawing) -> None:
    """Draw one slice for each value, clockwise from the top."""
    rows = bool((drawing.options.get("reduceOptions") or {}).get("values"))
    values = [(column, value, place) for place, (column, value) in enumerate(drawing.values()) if is_number(value)]
    values = [each for each in values if each[1] > 0]
    if not values:
        drawing.nothing()
        return
    slices = [
        (drawing.row_name(c, place) if rows else c.name, _shade(c, v, place, rows), c, v) for c, v, place in values
    ]
    total = sum(value for *_, value in slices)
    legend = drawing.options.get("legend") or {}
    box = drawing.box
    if legend.get("showLegend", True):
        box = _legend(drawing, slices, legend, total)
    radius = max(min(box.w, box.h) / 2 - 6, 4)
    width = radius * 0.4 if drawing.options.get("pieType") == "donut" else None
    start = -90.0
    for _, shade, _, value in slices:
        sweep = value / total * 360
        drawing.canvas.wedge(box.middle, radius, start, start + sweep, shade, width)
        start += sweep


def _shade(column: Column, value: Any, place: int, rows: bool) -> str:
    if rows:
        column.index = place
    return column.show(value).colour


def _legend(
    drawing: Drawing, slices: list[tuple[str, str, Column, Any]], legend: dict[str, Any], total: float
) -> Box:
    box, canvas = drawing.box, drawing.canvas
    wanted = legend.get("values") or []
    texts = []
    for name, _, column, value in slices:
        parts = [column.show(value).text] if "value" in wanted else []
        parts += [f"{value / total:.0%}"] if "percent" in wanted else []
        texts.append("  ".join([name, *parts]))
    if legend.get("placement") == "right":
        width = min(max(text_width(text, SIZE) for text in texts) + 36, box.w * 0.6)
        x, plot = box.right - width, Box(box.x, box.y, box.w - width, box.h)
        for row, ((_, shade, *_), text) in enumerate(zip(slices, texts, strict=True)):
            y = box.y + row * LINE + LINE / 2
            canvas.rect(Box(x, y - 2, 14, 4), shade, radius=1.9, clip=box)
            canvas.text(x + 20, y, text, SIZE, clip=box)
        return plot
    x, y = box.x, box.bottom - LINE / 2
    rows, used = 1, 0.0
    for text in texts:
        used += text_width(text, SIZE) + 36
        if used > box.w:
            rows, used = rows + 1, text_width(text, SIZE) + 36
    height = min(rows * LINE, box.h * 0.35)
    y = box.bottom - height + LINE / 2
    for (_, shade, *_), text in zip(slices, texts, strict=True):
        need = text_width(text, SIZE) + 36
        if x > box.x and x + need > box.right:
            x, y = box.x, y + LINE
        canvas.rect(Box(x, y - 2, 14, 4), shade, radius=1.9, clip=box)
        canvas.text(x + 20, y, text, SIZE, clip=box)
        x += need
    return Box(box.x, box.y, box.w, box.h - height - 4)
