"""Time series: lines, bars and points over time, stacked or not, with axes on both sides."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from support.grafana.draw import colours, legend, series
from support.grafana.draw.canvas import Box, text_width
from support.grafana.draw.panel import Drawing
from support.grafana.draw.scales import Scale, log_range, spacing, tick_decimals, ticks, time_ticks, value_range
from support.grafana.draw.units import written
from support.grafana.fieldconfig import Column

LABEL = 12
FOOT = 24


@dataclass
class Axis:
    """A vertical axis: the columns that share unit, side and limits."""

    columns: list[Column]
    right: bool
    scale: Scale = field(default_factory=lambda: Scale(0, 1, 0, 1))
    labels: list[tuple[float, str]] = field(default_factory=list)
    width: float = 0

    @property
    def title(self) -> str:
        return next((each.custom["axisLabel"] for each in self.columns if each.custom.get("axisLabel")), "")

    @property
    def hidden(self) -> bool:
        return all(each.custom.get("axisPlacement") == "hidden" for each in self.columns)


def draw(drawing: Drawing) -> None:
    """Draw a time series panel."""
    if not any(column.field.values for column in drawing.numbers):
        drawing.nothing()
        return
    box, below = legend.split(drawing.box, drawing.options, drawing.numbers)
    traces = series.traces(drawing.visible)
    axes = _axes(drawing.visible)
    plot = _placed(axes, traces, box)
    time = Scale(drawing.start * 1000, drawing.end * 1000, plot.x, plot.right)
    _grid(drawing, axes, plot, time)
    for axis in axes:
        for column in axis.columns[:1]:
            _thresholds(drawing, column, axis, plot)
    series.bands(drawing.canvas, traces, _scales(axes), time, plot)
    series.draw(drawing.canvas, traces, _scales(axes), time, plot)
    for at, shade in drawing.marks:
        x = time.at(at)
        if not plot.x <= x <= plot.right:
            continue
        drawing.canvas.line([x, x], [plot.y, plot.bottom], shade, 1, dash=(4, 4), clip=plot)
        tip = [(x - 4, plot.bottom + 5), (x + 4, plot.bottom + 5), (x, plot.bottom)]
        drawing.canvas.polygon(tip, shade, drawing.box)
    legend.draw(drawing.canvas, below, drawing.options, drawing.numbers)


def _axes(columns: list[Column]) -> list[Axis]:
    axes: dict[tuple[object, ...], Axis] = {}
    for column in columns:
        custom, config = column.custom, column.config
        place = custom.get("axisPlacement") or "auto"
        limits = (config.get("min"), config.get("max"), custom.get("axisSoftMin"), custom.get("axisSoftMax"))
        spread = str(custom.get("scaleDistribution") or "")
        key = (config.get("unit") or "short", place, *limits, spread, custom.get("axisLabel"))
        if key not in axes:
            automatic = place == "auto" and any(not axis.right for axis in axes.values())
            axes[key] = Axis([], place == "right" or automatic)
        axes[key].columns.append(column)
    return list(axes.values())


def _scales(axes: list[Axis]) -> dict[int, Scale]:
    return {id(column): axis.scale for axis in axes for column in axis.columns}


def _placed(axes: list[Axis], traces: list[series.Trace], box: Box) -> Box:
    """Give every axis its range, its labels and its width; return the box that they leave for the plot."""
    top, bottom = box.y + 6, box.bottom - FOOT
    for axis in axes:
        first = axis.columns[0]
        own = {id(column) for column in axis.columns}
        values = [v for trace in traces if id(trace.column) in own for v in trace.extent]
        spread = first.custom.get("scaleDistribution") or {}
        base = float(spread.get("log") or 2) if spread.get("type") == "log" else 0.0
        low, high = log_range(values, first.config, base) if base else value_range(values, first.config)
        axis.scale = Scale(low, high, bottom, top, base)
        if axis.hidden:
            continue
        places = ticks(axis.scale, spacing(bottom - top), first.config.get("unit"))
        axis.labels = [(value, axis_text(first, value, places, log=bool(base))) for value in places]
        axis.width = max((text_width(text, LABEL) for _, text in axis.labels), default=0) + 12
        axis.width = float(first.custom.get("axisWidth") or axis.width) + (20 if axis.title else 0)
    left = sum(axis.width for axis in axes if not axis.right)
    right = sum(axis.width for axis in axes if axis.right)
    return Box(box.x + max(left, 8), top, max(box.w - max(left, 8) - max(right, 12), 1), bottom - top)


def axis_text(column: Column, value: float, places: list[float], *, log: bool = False) -> str:
    """Return the label of a tick, with the decimals that are set or that tell the ticks apart."""
    unit, decimals = column.config.get("unit"), column.config.get("decimals")
    apart = 0 if log else tick_decimals(places)
    if decimals is not None or not apart:
        return written(value, unit, decimals, column.now)
    text = written(value, unit, apart, column.now)
    return re.sub(r"\.(\d*?)0+(?!\d)", lambda match: f".{match[1]}" * bool(match[1]), text)


def _grid(drawing: Drawing, axes: list[Axis], plot: Box, time: Scale) -> None:
    canvas = drawing.canvas
    for at, text in time_ticks(time):
        x = time.at(at)
        canvas.line([x, x], [plot.y, plot.bottom], colours.GRID, 1)
        canvas.text(x, plot.bottom + 14, text, LABEL, align="center", clip=drawing.box)
    left, right = plot.x, plot.right
    ruled = False
    for axis in axes:
        if axis.hidden:
            continue
        show = axis.columns[0].custom.get("axisGridShow")
        for value, text in axis.labels:
            y = axis.scale.at(value)
            if (not ruled and show is not False) or show is True:
                canvas.line([plot.x, plot.right], [y, y], colours.GRID, 1)
            shade = (
                axis.columns[0].colour if axis.columns[0].custom.get("axisColorMode") == "series" else colours.TEXT
            )
            x, align = (right + 6, "left") if axis.right else (left - 6, "right")
            canvas.text(x, y, text, LABEL, shade, align=align, clip=drawing.box)
        ruled = True
        middle = (plot.y + plot.bottom) / 2
        if axis.title:
            x = right + axis.width - 9 if axis.right else left - axis.width + 9
            canvas.text(
                x, middle, axis.title, LABEL, align="center", turned=270 if axis.right else 90, clip=drawing.box
            )
        if axis.right:
            right += axis.width
        else:
            left -= axis.width


def _thresholds(drawing: Drawing, column: Column, axis: Axis, plot: Box) -> None:
    mode = (column.custom.get("thresholdsStyle") or {}).get("mode") or "off"
    if mode in ("off", "series"):
        return
    steps = column.thresholds
    for index, (limit, shade) in enumerate(steps):
        upper = steps[index + 1][0] if index + 1 < len(steps) else math.inf
        y = axis.scale.at(max(limit, axis.scale.low)) if math.isfinite(limit) else plot.bottom
        above = axis.scale.at(min(upper, axis.scale.high)) if math.isfinite(upper) else plot.y
        if "area" in mode and shade != "none":
            bottom, top = min(y, plot.bottom), max(above, plot.y)
            if bottom > top:
                drawing.canvas.rect(Box(plot.x, top, plot.w, bottom - top), shade, alpha=0.12, clip=plot)
        if mode != "area" and math.isfinite(limit) and shade != "none":
            dash = (10, 10) if "dashed" in mode else None
            drawing.canvas.line([plot.x, plot.right], [y, y], shade, 2, dash=dash, alpha=0.9, clip=plot)
