"""Bar charts: a group of bars for each row of a table."""

from __future__ import annotations

import math

from support.grafana.draw import colours, legend
from support.grafana.draw.canvas import Box, cut, text_width
from support.grafana.draw.panel import Drawing
from support.grafana.draw.scales import Scale, spacing, ticks, value_range
from support.grafana.draw.timeseries import axis_text
from support.grafana.fieldconfig import Column
from support.grafana.frames import is_number

SIZE = 12


def draw(drawing: Drawing) -> None:
    """Draw the first frame as bars."""
    columns = drawing.columns[0] if drawing.columns else []
    wanted = drawing.options.get("xField")
    names = [each for each in columns if wanted in (each.name, each.field.name)] if wanted else []
    names = names or [each for each in columns if each.field.kind != "number"]
    bars = [each for each in drawing.visible if each.frame is columns[0].frame and each not in names[:1]]
    if not bars or not names or not any(each.field.numbers() for each in bars):
        drawing.nothing()
        return
    box, below = legend.split(drawing.box, drawing.options, bars)
    texts = [names[0].show(value).text for value in names[0].field.values]
    if (drawing.options.get("orientation") or "auto") == "horizontal" or (
        (drawing.options.get("orientation") or "auto") == "auto" and box.h > box.w
    ):
        _across(drawing, box, bars, texts)
    else:
        _upright(drawing, box, bars, texts)
    legend.draw(drawing.canvas, below, drawing.options, bars)


def _stacks(drawing: Drawing, bars: list[Column]) -> list[list[tuple[float, float]]]:
    """Return bottom and top of every bar, by column and row."""
    mode = drawing.options.get("stacking") or "none"
    count = max(len(each.field.values) for each in bars)
    below = [0.0] * count
    whole = [sum(abs(v) for each in bars if is_number(v := each.field.values[row])) or 1.0 for row in range(count)]
    made = []
    for each in bars:
        spans = []
        for row in range(count):
            value = float(each.field.values[row]) if is_number(each.field.values[row]) else math.nan
            if mode == "percent":
                value /= whole[row]
            base = 0.0 if mode == "none" else below[row]
            spans.append((base, base + value))
            below[row] += 0.0 if math.isnan(value) else value
        made.append(spans)
    return made


def _scale(bars: list[Column], spans: list[list[tuple[float, float]]], start: float, end: float) -> Scale:
    values = [edge for each in spans for span in each for edge in span if not math.isnan(edge)]
    low, high = value_range([*values, 0.0], bars[0].config)
    return Scale(low, high, start, end)


def _slots(drawing: Drawing, bars: list[Column], size: float) -> list[tuple[float, float]]:
    """Return shift and width of the bar of each column within the place of a row."""
    group = size * float(drawing.options.get("groupWidth") or 0.7)
    if (drawing.options.get("stacking") or "none") != "none":
        width = size * float(drawing.options.get("barWidth") or 0.97)
        return [((size - width) / 2, width)] * len(bars)
    each = group / len(bars)
    width = each * float(drawing.options.get("barWidth") or 0.97)
    return [((size - group) / 2 + place * each + (each - width) / 2, width) for place in range(len(bars))]


def _shade(drawing: Drawing, column: Column, row: int) -> str:
    by = drawing.options.get("colorByField")
    if by:
        found = next((each for each in drawing.columns[0] if by in (each.name, each.field.name)), column)
        return found.show(found.field.values[row]).colour
    mode = (column.config.get("color") or {}).get("mode") or ""
    if mode == "thresholds" or mode.startswith("continuous"):
        return column.show(column.field.values[row]).colour
    return column.colour


def _bar(drawing: Drawing, column: Column, row: int, bar: Box, clip: Box) -> None:
    shade = _shade(drawing, column, row)
    drawing.canvas.rect(bar, shade, alpha=float(column.custom.get("fillOpacity", 80)) / 100, clip=clip)
    if float(column.custom.get("lineWidth", 1)):
        drawing.canvas.rect(bar, None, edge=shade, clip=clip)


def _upright(drawing: Drawing, box: Box, bars: list[Column], texts: list[str]) -> None:
    canvas, spans = drawing.canvas, _stacks(drawing, bars)
    turn = int(drawing.options.get("xTickLabelRotation") or 0)
    longest = max((text_width(text, SIZE) for text in texts), default=0)
    most = float(drawing.options.get("xTickLabelMaxLength") or 0)
    texts = [text[: int(most)] + "…" if most and len(text) > most else text for text in texts]
    foot = 24 if not turn else min(longest * abs(math.sin(math.radians(turn))) + 16, box.h * 0.4)
    scale = _scale(bars, spans, box.bottom - foot, box.y + 14)
    places = ticks(scale, spacing(box.h - foot - 14), bars[0].config.get("unit"))
    labels = [axis_text(bars[0], value, places) for value in places]
    left = max(text_width(text, SIZE) for text in labels) + 12
    if bars[0].custom.get("axisPlacement") == "hidden":
        left = 4
    plot = Box(box.x + left, box.y + 14, box.w - left - 4, box.h - foot - 14)
    for value, text in zip(places, labels, strict=True):
        canvas.line([plot.x, plot.right], [scale.at(value)] * 2, colours.GRID, 1)
        if left > 4:
            canvas.text(plot.x - 6, scale.at(value), text, SIZE, align="right", clip=drawing.box)
    size = plot.w / max(len(texts), 1)
    show = drawing.options.get("showValue") or "auto"
    for column, own, (shift, width) in zip(bars, spans, _slots(drawing, bars, size), strict=True):
        for row, (low, high) in enumerate(own):
            if math.isnan(high):
                continue
            bottom, top = scale.at(low), scale.at(high)
            bar = Box(plot.x + row * size + shift, min(bottom, top), width, abs(bottom - top))
            _bar(drawing, column, row, bar, plot)
            text = column.show(column.field.values[row]).text
            if show == "always" or (show == "auto" and text_width(text, SIZE) < width):
                canvas.text(bar.middle[0], bar.y - 8, text, SIZE, align="center", clip=drawing.box)
    apart = int(drawing.options.get("xTickLabelSpacing") or 0)
    every = max(math.ceil(abs(apart) / size), 1) if apart else 1
    for row, text in enumerate(texts):
        if row % every == 0:
            x = plot.x + (row + 0.5) * size
            y = plot.bottom + 14 if not turn else plot.bottom + foot / 2
            shown = text if turn or apart else cut(text, SIZE, max(size, 12))
            canvas.text(x, y, shown, SIZE, align="center", clip=drawing.box, turned=turn)


def _across(drawing: Drawing, box: Box, bars: list[Column], texts: list[str]) -> None:
    canvas, spans = drawing.canvas, _stacks(drawing, bars)
    left = min(max((text_width(text, SIZE) for text in texts), default=0) + 12, box.w * 0.5)
    plot = Box(box.x + left, box.y, box.w - left - 40, box.h - 24)
    scale = _scale(bars, spans, plot.x, plot.right)
    places = ticks(scale, 70)
    for value in places:
        x = scale.at(value)
        canvas.line([x, x], [plot.y, plot.bottom], colours.GRID, 1)
        text = axis_text(bars[0], value, places)
        canvas.text(x, plot.bottom + 14, text, SIZE, align="center", clip=drawing.box)
    size = plot.h / max(len(texts), 1)
    show = drawing.options.get("showValue") or "auto"
    for column, own, (shift, width) in zip(bars, spans, _slots(drawing, bars, size), strict=True):
        for row, (low, high) in enumerate(own):
            if math.isnan(high):
                continue
            start, end = scale.at(low), scale.at(high)
            bar = Box(min(start, end), plot.y + row * size + shift, abs(end - start), width)
            _bar(drawing, column, row, bar, plot)
            text = column.show(column.field.values[row]).text
            if show == "always" or (show == "auto" and width >= SIZE):
                canvas.text(bar.right + 4, bar.middle[1], text, SIZE, clip=drawing.box)
    for row, text in enumerate(texts):
        y = plot.y + (row + 0.5) * size
        canvas.text(plot.x - 6, y, cut(text, SIZE, left - 8), SIZE, align="right", clip=drawing.box)
