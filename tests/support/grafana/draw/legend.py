"""The legend of a plot: a list or a table, below or on the right."""

from __future__ import annotations

from typing import Any

from support.grafana.draw import colours
from support.grafana.draw.canvas import Box, Canvas, cut, text_width
from support.grafana.fieldconfig import Column
from support.grafana.reducers import NAMES, reduced

LINE = 22
SIZE = 12


def split(box: Box, options: dict[str, Any], columns: list[Column]) -> tuple[Box, Box | None]:
    """Return the boxes of plot and legend; the legend has none where it is off."""
    legend = options.get("legend") or {}
    columns = shown(columns)
    if legend.get("showLegend") is False or legend.get("displayMode") == "hidden" or not columns:
        return box, None
    table = legend.get("displayMode") == "table"
    if legend.get("placement") == "right":
        need = _table_width(columns, legend) if table else max(_item(each, legend) for each in columns) + 8
        width = float(legend.get("width") or min(need, box.w * 0.6))
        return Box(box.x, box.y, box.w - width - 8, box.h), Box(box.right - width, box.y, width, box.h)
    lines = len(columns) + 1 if table else len(_lines(columns, legend, box.w))
    height = min(lines * LINE, max(box.h * 0.35, LINE))
    return Box(box.x, box.y, box.w, box.h - height - 4), Box(box.x, box.bottom - height, box.w, height)


def shown(columns: list[Column]) -> list[Column]:
    """Return the columns that the legend names."""
    return [each for each in columns if not (each.custom.get("hideFrom") or {}).get("legend")]


def draw(canvas: Canvas, box: Box | None, options: dict[str, Any], columns: list[Column]) -> None:
    """Draw a legend; what does not fit is cut where Grafana would scroll."""
    if box is None:
        return
    legend, columns = options.get("legend") or {}, shown(columns)
    if legend.get("displayMode") == "table":
        _table(canvas, box, legend, columns)
        return
    lines = [[each] for each in columns]
    if legend.get("placement") != "right":
        lines = _lines(columns, legend, box.w)
    for row, line in enumerate(lines):
        x, y = box.x, box.y + row * LINE + LINE / 2
        for column in line:
            canvas.rect(Box(x, y - 2, 14, 4), column.colour, radius=1.9, clip=box)
            canvas.text(x + 20, y, _label(column, legend), SIZE, clip=box)
            x += _item(column, legend)
    _more(canvas, box, len(lines))


def _more(canvas: Canvas, box: Box, lines: int) -> None:
    """Mark what scrolls out of a legend."""
    if lines * LINE > box.h + 1:
        canvas.rect(
            Box(box.right - 4, box.y, 4, max(box.h * box.h / (lines * LINE), 12)), colours.FAINT, radius=1.9
        )


def _label(column: Column, legend: dict[str, Any]) -> str:
    calculations = legend.get("calcs") or []
    parts = [f"{NAMES[name]}: {column.show(reduced(column.field, name)).text}" for name in calculations]
    return "  ".join([column.name, *parts])


def _item(column: Column, legend: dict[str, Any]) -> float:
    return text_width(_label(column, legend), SIZE) + 20 + 16


def _lines(columns: list[Column], legend: dict[str, Any], width: float) -> list[list[Column]]:
    lines: list[list[Column]] = []
    used = width
    for column in columns:
        need = _item(column, legend)
        if not lines or used + need > width:
            lines.append([])
            used = 0.0
        lines[-1].append(column)
        used += need
    return lines


def _cells(columns: list[Column], legend: dict[str, Any]) -> list[list[str]]:
    return [
        [column.show(reduced(column.field, name)).text for name in legend.get("calcs") or []] for column in columns
    ]


def _widths(columns: list[Column], legend: dict[str, Any]) -> list[float]:
    heads = [NAMES[name] for name in legend.get("calcs") or []]
    cells = _cells(columns, legend)
    return [
        max(text_width(text, SIZE) for text in [head, *(row[place] for row in cells)]) + 20
        for place, head in enumerate(heads)
    ]


def _table_width(columns: list[Column], legend: dict[str, Any]) -> float:
    names = max(text_width(column.name, SIZE) for column in columns)
    return names + 36 + sum(_widths(columns, legend))


def _table(canvas: Canvas, box: Box, legend: dict[str, Any], columns: list[Column]) -> None:
    names, widths, rows = legend.get("calcs") or [], _widths(columns, legend), _cells(columns, legend)
    columns, rows = _sorted(columns, rows, legend)
    left = max(box.right - sum(widths), box.x + 60)
    canvas.text(box.x, box.y + LINE / 2, "Name", SIZE, colours.LINK, clip=box)
    at = left
    for name, width in zip(names, widths, strict=True):
        at += width
        mark = " ▾" if legend.get("sortBy") == NAMES[name] and legend.get("sortDesc") is not False else ""
        canvas.text(at - 6, box.y + LINE / 2, NAMES[name] + mark, SIZE, colours.LINK, align="right", clip=box)
    for row, (column, cells) in enumerate(zip(columns, rows, strict=True), 1):
        y = box.y + row * LINE + LINE / 2
        canvas.line([box.x, box.right], [y - LINE / 2] * 2, colours.GRID, 1, clip=box)
        canvas.rect(Box(box.x, y - 2, 14, 4), column.colour, radius=1.9, clip=box)
        canvas.text(box.x + 20, y, cut(column.name, SIZE, left - box.x - 24), SIZE, clip=box)
        at = left
        for text, width in zip(cells, widths, strict=True):
            at += width
            canvas.text(at - 6, y, text, SIZE, align="right", clip=box)
    _more(canvas, box, len(columns) + 1)


def _sorted(
    columns: list[Column], rows: list[list[str]], legend: dict[str, Any]
) -> tuple[list[Column], list[list[str]]]:
    wanted = next((name for name in legend.get("calcs") or [] if NAMES[name] == legend.get("sortBy")), None)
    if wanted is None:
        return columns, rows
    values = [reduced(column.field, wanted) for column in columns]
    order = sorted(
        range(len(columns)),
        key=lambda index: float("-inf") if values[index] is None else values[index],
        reverse=legend.get("sortDesc") is not False,
    )
    return [columns[index] for index in order], [rows[index] for index in order]
