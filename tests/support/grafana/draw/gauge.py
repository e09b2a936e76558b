"""Gauges: an arc for each value, with its thresholds around it."""

from __future__ import annotations

import itertools
import math
from typing import Any

from support.grafana.draw import colours
from support.grafana.draw.canvas import Box
from support.grafana.draw.panel import Drawing
from support.grafana.draw.stat import fitting, tiles
from support.grafana.fieldconfig import Column

START, SWEEP = 150.0, 240.0


def draw(drawing: Drawing) -> None:
    """Draw a gauge panel; a field without limits runs from 0 to 100, as Grafana has it."""
    values = drawing.values()
    if not values:
        drawing.nothing()
        return
    orientation = drawing.options.get("orientation")
    upright = orientation == "horizontal" or (orientation != "vertical" and drawing.box.h > drawing.box.w)
    for (column, value), box in zip(values, tiles(drawing.box, len(values), upright=upright), strict=True):
        if column.config.get("min") is None:
            column.low = 0.0
        if column.config.get("max") is None:
            column.high = 100.0
        _gauge(drawing, column, value, box, named=len(values) > 1)


def _gauge(drawing: Drawing, column: Column, value: Any, box: Box, *, named: bool) -> None:
    canvas, options, shown = drawing.canvas, drawing.options, column.show(value)
    label = 22 if named else 0
    radius = max(min(box.w / 2, (box.h - label) / 1.5) - 4, 10)
    middle = (box.x + box.w / 2, box.y + (box.h - label - radius * 1.5) / 2 + radius)
    rim = radius * 0.06 if options.get("showThresholdMarkers", True) else 0
    steps = [*column.thresholds, (math.inf, "")]
    for (limit, shade), (upper, _) in itertools.pairwise(steps):
        low, high = column.share(max(limit, column.low)), column.share(min(upper, column.high))
        if rim and high > low and shade != "none":
            canvas.wedge(middle, radius, START + low * SWEEP, START + high * SWEEP, shade, rim)
    ring, width = radius - rim * 1.5, radius * 0.22
    canvas.wedge(middle, ring, START, START + SWEEP, colours.RAISED, width)
    if value is not None and shown.share > 0:
        canvas.wedge(middle, ring, START, START + shown.share * SWEEP, shown.colour, width)
    if options.get("showThresholdLabels"):
        for limit, shade in column.thresholds:
            if math.isfinite(limit):
                angle = math.radians(START + column.share(limit) * SWEEP)
                x, y = middle[0] + math.cos(angle) * (radius + 8), middle[1] + math.sin(angle) * (radius + 8)
                canvas.text(x, y, column.write(limit), 11, shade, align="center", clip=drawing.box)
    size = fitting(shown.text, (ring - width) * 1.7, ring * 0.6, 100)
    canvas.text(*middle, shown.text, size, shown.colour, align="center", bold=True, clip=box)
    if named:
        x, y = box.x + box.w / 2, box.bottom - 11
        canvas.text(x, y, column.name, 14, align="center", width=box.w - 8, clip=box)
