"""Bar gauges: a bar for each value, across or upright."""

from __future__ import annotations

import math
from typing import Any

from support.grafana.draw import colours
from support.grafana.draw.canvas import Box, cut, text_width
from support.grafana.draw.panel import Drawing
from support.grafana.draw.stat import fitting
from support.grafana.fieldconfig import Column, Shown

GAP = 10


def draw(drawing: Drawing) -> None:
    """Draw a bar gauge panel."""
    values = drawing.values()
    if not values:
        drawing.nothing()
        return
    rows = bool((drawing.options.get("reduceOptions") or {}).get("values"))
    names = [drawing.row_name(column, place) if rows else column.name for place, (column, _) in enumerate(values)]
    orientation = drawing.options.get("orientation") or "auto"
    across = orientation == "horizontal" or (orientation == "auto" and drawing.box.h > drawing.box.w)
    if across:
        _across(drawing, values, names)
    else:
        _upright(drawing, values, names)


def _across(drawing: Drawing, values: list[tuple[Column, Any]], names: list[str]) -> None:
    box, options, canvas = drawing.box, drawing.options, drawing.canvas
    least = float(options.get("minVizHeight") or 16)
    most = float(options.get("maxVizHeight") or 300) if options.get("sizing") == "manual" else math.inf
    height = min(max((box.h - GAP * (len(values) - 1)) / len(values), least), most)
    top = options.get("namePlacement") == "top" or (options.get("namePlacement") in (None, "auto") and height > 40)
    sizes = options.get("text") or {}
    head = max(min(height * 0.35, 50), 17) if top else 0
    name_size = float(sizes.get("titleSize") or (head or max(height * 0.6, 18)) / 1.5)
    longest = max((column.show(value).text for column, value in values), key=len)
    side = 0 if options.get("valueMode") == "hidden" else max(min(box.w * 0.2, 150), 50)
    size = float(sizes.get("valueSize") or min(fitting(longest, side - 20, math.inf), height - head))
    left = 0.0 if top else max(text_width(name, name_size) for name in names) + 15
    for place, ((column, value), name) in enumerate(zip(values, names, strict=True)):
        y = box.y + place * (height + GAP)
        row = Box(box.x + left, y, box.w - left - side, height)
        if options.get("namePlacement") == "hidden":
            row = Box(box.x, y, box.w - side, height)
        elif top:
            canvas.text(box.x, y + head / 2, name, name_size, width=box.w, clip=box)
            row = Box(box.x, y + head, box.w - side, max(height - head, 4))
        else:
            canvas.text(box.x, y + height / 2, cut(name, name_size, left - 8), name_size, clip=box)
        shown = column.show(value)
        _bar(drawing, column, shown, row, upright=False)
        if side:
            shade = colours.TEXT if options.get("valueMode") == "text" else shown.colour
            canvas.text(box.right - side + 10, row.middle[1], shown.text, size, shade, bold=True, clip=box)
    if len(values) * (height + GAP) - GAP > box.h + 1:
        whole = len(values) * (height + GAP)
        canvas.rect(Box(box.right - 4, box.y, 4, box.h * box.h / whole), colours.FAINT, radius=1.9)


def _upright(drawing: Drawing, values: list[tuple[Column, Any]], names: list[str]) -> None:
    box, options, canvas = drawing.box, drawing.options, drawing.canvas
    width = max((box.w - GAP * (len(values) - 1)) / len(values), float(options.get("minVizWidth") or 8))
    texts = [column.show(value).text for column, value in values]
    longest = max(texts, key=len)
    size = fitting(longest, width, 40, 30)
    foot = 0 if options.get("namePlacement") == "hidden" else 22
    for place, ((column, value), name) in enumerate(zip(values, names, strict=True)):
        x = box.x + place * (width + GAP)
        shown = column.show(value)
        bar = Box(x, box.y + size * 1.3, width, max(box.h - foot - size * 1.3, 4))
        high = bar.h * shown.share
        _bar(drawing, column, shown, bar, upright=True)
        shade = colours.TEXT if options.get("valueMode") == "text" else shown.colour
        if options.get("valueMode") != "hidden":
            y = bar.bottom - high - size * 0.65
            canvas.text(x + width / 2, y, shown.text, size, shade, align="center", bold=True, clip=box)
        if foot:
            canvas.text(x + width / 2, box.bottom - 10, cut(name, 12, width), 12, align="center", clip=box)


def _bar(drawing: Drawing, column: Column, shown: Shown, box: Box, *, upright: bool) -> None:
    canvas, options = drawing.canvas, drawing.options
    mode = options.get("displayMode") or "gradient"
    if options.get("showUnfilled", True):
        canvas.rect(box, colours.RAISED, radius=2, clip=drawing.box)
    length = (box.h if upright else box.w) * shown.share
    bar = Box(box.x, box.bottom - length, box.w, length) if upright else Box(box.x, box.y, length, box.h)
    if mode == "lcd":
        _cells(drawing, column, shown, box, upright=upright)
        return
    if mode not in ("basic", "gradient"):
        raise NotImplementedError(f"bar gauge mode {mode!r}")
    if mode == "gradient":
        parts = 40
        for part in range(parts):
            low, high = part / parts, (part + 1) / parts
            if low >= shown.share:
                break
            shade = _gradient(column, shown, low)
            high = min(high, shown.share)
            if upright:
                piece = Box(box.x, box.bottom - box.h * high, box.w, box.h * (high - low))
            else:
                piece = Box(box.x + box.w * low, box.y, box.w * (high - low), box.h)
            canvas.rect(piece, shade, clip=drawing.box)
        return
    canvas.rect(bar, shown.colour, alpha=0.4, clip=drawing.box)
    edge = Box(bar.x, bar.y, bar.w, 2) if upright else Box(bar.right - 2, bar.y, 2, bar.h)
    canvas.rect(edge, shown.colour, clip=drawing.box)


def _gradient(column: Column, shown: Shown, share: float) -> str:
    mode = (column.config.get("color") or {}).get("mode") or "thresholds"
    value = column.low + share * (column.high - column.low)
    if mode == "thresholds":
        return column.threshold_colour(value)
    if mode.startswith("continuous"):
        return colours.continuous(mode, share)
    return colours.faded(shown.colour, 0.5 + 0.5 * share)


def _cells(drawing: Drawing, column: Column, shown: Shown, box: Box, *, upright: bool) -> None:
    length = box.h if upright else box.w
    count = max(int(length / 12), 1)
    for place in range(count):
        share = place / count
        shade = _gradient(column, shown, share)
        size = length / count - 2
        if upright:
            cell = Box(box.x, box.bottom - (place + 1) * length / count, box.w, size)
        else:
            cell = Box(box.x + place * length / count, box.y, size, box.h)
        drawing.canvas.rect(cell, shade, alpha=1 if share < shown.share else 0.18, clip=drawing.box)
