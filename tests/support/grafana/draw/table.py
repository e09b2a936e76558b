"""Tables: a row for each row of the frame, with the cell types of Grafana."""

from __future__ import annotations

import math
from typing import Any

from support.grafana.draw import colours
from support.grafana.draw.canvas import Box, text_width
from support.grafana.draw.panel import Drawing
from support.grafana.fieldconfig import Column, Shown
from support.grafana.frames import NUMBER
from support.grafana.tables import sorted_rows

SIZE = 14
LEAST = 150
HEIGHTS = {"sm": 36, "md": 42, "lg": 48}


def draw(drawing: Drawing) -> None:
    """Draw the first frame as a table."""
    columns = drawing.columns[0] if drawing.columns else []
    shown = [each for each in columns if not each.custom.get("hidden") and not _off(each)]
    if not shown or not any(each.field.values for each in shown):
        drawing.nothing()
        return
    _sort(drawing, columns)
    canvas, box = drawing.canvas, drawing.box
    widths = _widths(shown, box.w)
    height = HEIGHTS.get(str(drawing.options.get("cellHeight") or "sm"), 36)
    y = box.y
    if drawing.options.get("showHeader") is not False:
        x = box.x
        for column, width in zip(shown, widths, strict=True):
            _text(drawing, column, column.name, Box(x, y, width, height), colours.LINK, bold=True)
            x += width
        y += height
        canvas.line([box.x, box.right], [y, y], colours.BORDER, 1, clip=box)
    body = Box(box.x, y, box.w, max(box.bottom - y, 0))
    count = len(columns[0].frame)
    for row in range(min(count, math.ceil(body.h / height))):
        x = box.x
        for column, width in zip(shown, widths, strict=True):
            _cell(drawing, column, row, Box(x, y, width, height), body)
            x += width
        y += height
        canvas.line([box.x, box.right], [y, y], colours.GRID, 1, clip=body)
    if count * height > body.h + 1:
        canvas.rect(Box(body.right - 6, body.y, 5, max(body.h**2 / (count * height), 16)), colours.FAINT, radius=2)
    if sum(widths) > box.w + 1:
        canvas.rect(Box(box.x, box.bottom - 6, box.w**2 / sum(widths), 5), colours.FAINT, radius=2)


def _off(column: Column) -> bool:
    return bool((column.custom.get("hideFrom") or {}).get("viz"))


def _sort(drawing: Drawing, columns: list[Column]) -> None:
    for order in drawing.options.get("sortBy") or []:
        found = [each for each in columns if order.get("displayName") in (each.name, each.field.name)]
        if found:
            sorted_rows(found[0].frame, found[0].field, descending=bool(order.get("desc")))


def _widths(columns: list[Column], room: float) -> list[float]:
    """Return the widths of columns: as set, and the rest shared, each at least its minimum."""
    given = [float(each.custom.get("width") or 0) for each in columns]
    least = [
        0 if width else float(each.custom.get("minWidth") or LEAST)
        for each, width in zip(columns, given, strict=True)
    ]
    rest = room - sum(given)
    free = [index for index, width in enumerate(given) if not width]
    share = rest / len(free) if free else 0
    while free and any(least[index] > share for index in free):
        for index in [index for index in free if least[index] > share]:
            given[index] = least[index]
            rest -= least[index]
            free.remove(index)
        share = rest / len(free) if free else 0
    for index in free:
        given[index] = share
    return given


def _align(column: Column) -> str:
    align = column.custom.get("align") or "auto"
    if align == "auto":
        return "right" if column.field.kind == NUMBER else "left"
    return str(align)


def _text(
    drawing: Drawing,
    column: Column,
    text: str,
    box: Box,
    shade: str,
    *,
    bold: bool = False,
    clip: Box | None = None,
) -> None:
    align = _align(column)
    x = {"left": box.x + 6, "right": box.right - 6}.get(align, box.x + box.w / 2)
    clip = clip or drawing.box
    edge = Box(
        box.x,
        max(box.y, clip.y),
        max(min(box.w, clip.right - box.x), 0),
        min(box.bottom, clip.bottom) - max(box.y, clip.y),
    )
    drawing.canvas.text(x, box.middle[1], text, SIZE, shade, align=align, bold=bold, width=box.w - 12, clip=edge)


def _cell(drawing: Drawing, column: Column, row: int, box: Box, body: Box) -> None:
    value = column.field.values[row] if row < len(column.field.values) else None
    shown = column.show(value)
    options: dict[str, Any] = column.custom.get("cellOptions") or {}
    kind = options.get("type") or column.custom.get("displayMode") or "auto"
    shade = colours.LINK if column.config.get("links") else colours.TEXT
    empty = value is None and not shown.mapped
    if kind == "color-text" and not empty:
        shade = shown.colour
    elif kind.startswith("color-background") and not empty and shown.colour != "none":
        edge = Box(box.x, box.y, box.w, box.h)
        if options.get("applyToRow"):
            edge = Box(drawing.box.x, box.y, drawing.box.w, box.h)
        drawing.canvas.rect(edge, shown.colour, clip=body)
        shade = colours.readable_on(shown.colour)
    elif kind in ("gauge", "basic-gauge", "gradient-gauge", "lcd-gauge"):
        _gauge(drawing, column, shown, box, body, empty=empty, options=options)
        return
    elif kind not in ("auto", "color-text", "data-links", "json-view", "pill", "markdown") and not empty:
        raise NotImplementedError(f"panel {drawing.panel.title!r}: table cell {kind!r}")
    _text(drawing, column, shown.text, box, shade, clip=body)


def _gauge(
    drawing: Drawing, column: Column, shown: Shown, box: Box, body: Box, *, empty: bool, options: dict[str, Any]
) -> None:
    inner = box.inside(6, 4)
    hidden = options.get("valueDisplayMode") == "hidden"
    texts = [column.show(value).text for value in column.field.values]
    side = 0.0 if hidden else max((text_width(text, SIZE) for text in texts), default=0) + 12
    bar = Box(inner.x, inner.y, max(inner.w - side, 1), inner.h)
    drawing.canvas.rect(bar, colours.RAISED, clip=body)
    if not empty:
        drawing.canvas.rect(Box(bar.x, bar.y, bar.w * shown.share, bar.h), shown.colour, alpha=0.35, clip=body)
        drawing.canvas.rect(Box(bar.x + bar.w * shown.share - 1, bar.y, 2, bar.h), shown.colour, clip=body)
    if not hidden:
        shade = colours.TEXT if options.get("valueDisplayMode") == "text" else shown.colour
        drawing.canvas.text(inner.right, box.middle[1], shown.text, SIZE, shade, align="right", clip=body)
