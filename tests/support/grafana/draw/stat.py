"""Single values: stat panels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from support.grafana.draw import colours
from support.grafana.draw.canvas import Box, text_width
from support.grafana.draw.panel import Drawing
from support.grafana.fieldconfig import Column, Shown

LEADING = 1.2
LARGEST_NAME = 30.0
WIDE = 2.5
GRAPH_FROM = {True: 50, False: 100}


@dataclass
class Tile:
    """One value, with what it says and its box."""

    column: Column
    shown: Shown
    name: str
    text: str
    box: Box


@dataclass
class Sizes:
    """What all tiles of a panel share; `graph` is the height of the line below the text."""

    name: float
    value: float
    graph: float
    padding: float
    wide: bool


def draw(drawing: Drawing) -> None:
    """Draw one tile for each value."""
    values = drawing.values()
    orientation = drawing.options.get("orientation") or "auto"
    upright = orientation == "horizontal" or (orientation == "auto" and drawing.box.h > drawing.box.w)
    rows = bool((drawing.options.get("reduceOptions") or {}).get("values"))
    mode = drawing.options.get("textMode") or "auto"
    named = mode == "value_and_name" or (mode == "auto" and len(values) > 1)
    boxes = tiles(drawing.box, len(values), upright=upright)
    made = []
    for place, ((column, value), box) in enumerate(zip(values, boxes, strict=True)):
        name, shown = drawing.row_name(column, place) if rows else column.name, column.show(value)
        text = {"name": name, "none": ""}.get(mode, shown.text)
        made.append(Tile(column, shown, name if named else "", text, box))
    graph = drawing.options.get("graphMode", "area") != "none" and not rows
    sizes = _sizes(drawing, made, graph=graph and any(len(tile.column.field.numbers()) > 1 for tile in made))
    for tile in made:
        _tile(drawing, tile, sizes)


def tiles(box: Box, count: int, *, upright: bool, gap: float = 8) -> list[Box]:
    """Return boxes side by side, or one below the other."""
    if upright:
        height = (box.h - gap * (count - 1)) / count
        return [Box(box.x, box.y + index * (height + gap), box.w, height) for index in range(count)]
    width = (box.w - gap * (count - 1)) / count
    return [Box(box.x + index * (width + gap), box.y, width, box.h) for index in range(count)]


def fitting(text: str, width: float, height: float, most: float = math.inf) -> float:
    """Return the size at which a line of text fills its room."""
    if not text:
        return 0.0
    return max(min(width / max(text_width(text, 100, True), 1) * 100, height / LEADING, most), 1.0)


def _longest(texts: list[str]) -> str:
    return max(texts, key=lambda line: text_width(line, 100, True), default="")


def _sizes(drawing: Drawing, made: list[Tile], *, graph: bool) -> Sizes:
    """Return the sizes that Grafana calculates; the longest name and the longest value decide."""
    box = made[0].box
    wide = drawing.options.get("wideLayout") is not False and box.w > box.h * WIDE
    graph = graph and box.h > GRAPH_FROM[wide]
    padding = 12 if box.h > 100 else 8
    width, height = box.w - 2 * padding, box.h - 2 * padding
    name, value = _longest([tile.name for tile in made]), _longest([tile.text for tile in made])
    if wide and graph:
        sizes = Sizes(fitting(name, width * 0.6, height * 0.4, LARGEST_NAME), 0, box.h * 0.5, padding, wide)
        sizes.value = fitting(value, width * (0.4 if name else 1.0), height * 0.5)
    elif wide:
        sizes = Sizes(0, fitting(value, width * (0.3 if name else 1.0), height), 0, padding, wide)
        sizes.name = min(fitting(name, width * 0.6, height, LARGEST_NAME), sizes.value * 0.7)
    else:
        sizes = Sizes(fitting(name, width, box.h * 0.15, LARGEST_NAME), 0, box.h * 0.25 * graph, padding, wide)
        sizes.value = fitting(value, width, height - sizes.graph - sizes.name * LEADING)
        sizes.name = min(sizes.name, sizes.value * 0.7)
        sizes.graph = (box.h - (sizes.name + sizes.value) * LEADING - padding) * graph
    given = drawing.options.get("text") or {}
    sizes.name = float(given.get("titleSize") or sizes.name)
    sizes.value = float(given.get("valueSize") or sizes.value)
    return sizes


def _tile(drawing: Drawing, tile: Tile, sizes: Sizes) -> None:
    canvas, box, shade = drawing.canvas, tile.box, tile.shown.colour
    mode = drawing.options.get("colorMode") or "value"
    ground = mode.startswith("background") and shade != "none"
    if ground:
        canvas.rect(box, colours.darkened(shade, 0.1) if mode == "background" else shade, radius=2)
    ink = colours.readable_on(shade) if ground else colours.TEXT if mode == "none" or shade == "none" else shade
    dim = ink if ground else colours.TEXT
    if sizes.graph:
        _sparkline(drawing, tile, ink, min(sizes.graph, box.h))
    inner = box.inside(sizes.padding)
    centred = drawing.options.get("justifyMode") == "center" or not tile.name
    if sizes.wide and tile.name:
        y = inner.y + sizes.value * LEADING / 2 if sizes.graph else inner.middle[1]
        canvas.text(inner.x, y, tile.name, sizes.name, dim, width=inner.w * 0.62, clip=box)
        canvas.text(inner.right, y, tile.text, sizes.value, ink, align="right", bold=True, clip=box)
        return
    x, align = (inner.middle[0], "center") if centred else (inner.x, "left")
    high = (sizes.name + sizes.value) * LEADING
    y = inner.y if sizes.graph else inner.y + (inner.h - high) / 2
    if tile.name:
        canvas.text(
            x, y + sizes.name * LEADING / 2, tile.name, sizes.name, dim, align=align, width=inner.w, clip=box
        )
    middle = y + (sizes.name + sizes.value / 2) * LEADING
    canvas.text(x, middle, tile.text, sizes.value, ink, align=align, bold=True, clip=box)


def _sparkline(drawing: Drawing, tile: Tile, shade: str, height: float) -> None:
    column, box, time = tile.column, tile.box, tile.column.frame.time
    if time is None or len(column.field.numbers()) < 2:
        return
    low, high = min(column.field.numbers()), max(column.field.numbers())
    span = (drawing.end - drawing.start) * 1000
    xs, ys = [], []
    for at, value in zip(time.values, column.field.values, strict=True):
        xs.append(box.x + (at - drawing.start * 1000) / span * box.w)
        share = (value - low) / (high - low) if high > low else 0.5
        ys.append(box.bottom - 2 - share * (height - 4))
    drawing.canvas.area(xs, ys, [box.bottom] * len(xs), shade, 0.2, box)
    drawing.canvas.line(xs, ys, shade, 1.5, clip=box)
