"""The lines, bars, points and areas of a time series panel."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from support.grafana.draw.canvas import Box, Canvas
from support.grafana.draw.scales import Scale
from support.grafana.fieldconfig import Column
from support.grafana.frames import is_number


@dataclass
class Trace:
    """One series as it is drawn: times, tops, and the bottoms it stands on when it is stacked."""

    column: Column
    times: list[float]
    tops: list[float]
    bottoms: list[float] | None
    step: float

    @property
    def extent(self) -> list[float]:
        """The values that the axis must hold; bars stand on zero."""
        values = [value for value in self.tops if not math.isnan(value)]
        values += self.bottoms or []
        return [*values, 0.0] if values and self.column.custom.get("drawStyle") == "bars" else values


def traces(columns: list[Column]) -> list[Trace]:
    """Return what is drawn for each column: gaps broken, groups stacked."""
    made = [_trace(column) for column in columns]
    groups: dict[tuple[str, str, str], list[Trace]] = {}
    for trace in made:
        stacking = trace.column.custom.get("stacking") or {}
        mode = stacking.get("mode") or "none"
        if mode != "none":
            style = str(trace.column.custom.get("drawStyle") or "line")
            groups.setdefault((mode, str(stacking.get("group") or "A"), style), []).append(trace)
    for (mode, _, _), group in groups.items():
        _stack(group, percent=mode == "percent")
    return made


def _trace(column: Column) -> Trace:
    time = column.frame.time
    if time is None:
        return Trace(column, [], [], None, 0)
    step = float(time.config.get("interval") or 0)
    spans = column.custom.get("spanNulls")
    longest = math.inf if spans is True else float(spans or 0)
    times: list[float] = []
    tops: list[float] = []
    for at, value in sorted(zip(time.values, column.field.values, strict=True), key=lambda pair: pair[0]):
        number = float(value) if is_number(value) and math.isfinite(value) else math.nan
        if spans is True and math.isnan(number):
            continue
        if times and step and at - times[-1] > max(step * 1.5, longest):
            times.append(times[-1] + step)
            tops.append(math.nan)
        times.append(float(at))
        tops.append(-number if column.custom.get("transform") == "negative-Y" else number)
    return Trace(column, times, tops, None, step)


def _stack(group: list[Trace], *, percent: bool) -> None:
    times = sorted({at for trace in group for at in trace.times})
    values = [dict(zip(trace.times, trace.tops, strict=True)) for trace in group]
    usable = [{at: 0.0 if math.isnan(v) else v for at, v in each.items()} for each in values]
    whole = {at: sum(each.get(at, 0.0) for each in usable) for at in times}
    below = dict.fromkeys(times, 0.0)
    for trace, each in zip(group, usable, strict=True):
        share = {at: each.get(at, 0.0) / (whole[at] or 1) if percent else each.get(at, 0.0) for at in times}
        trace.times, trace.bottoms = list(times), [below[at] for at in times]
        below = {at: below[at] + share[at] for at in times}
        trace.tops = [below[at] for at in times]


def bands(canvas: Canvas, all_traces: list[Trace], scales: dict[int, Scale], time: Scale, plot: Box) -> None:
    """Fill between a series and the one that it names in `fillBelowTo`."""
    named = {name: trace for trace in all_traces for name in (trace.column.name, trace.column.field.name)}
    for trace in all_traces:
        lower = named.get(trace.column.custom.get("fillBelowTo") or "")
        if lower is None:
            continue
        under = dict(zip(lower.times, lower.tops, strict=True))
        scale = scales[id(trace.column)]
        xs = [time.at(at) for at in trace.times]
        tops = [scale.at(value) for value in trace.tops]
        bottoms = [scale.at(under.get(at, math.nan)) for at in trace.times]
        opacity = trace.column.custom.get("fillOpacity")
        canvas.area(xs, tops, bottoms, trace.column.colour, (opacity or 0) / 100, plot)


def draw(canvas: Canvas, all_traces: list[Trace], scales: dict[int, Scale], time: Scale, plot: Box) -> None:
    """Draw all series, the last one on top."""
    for trace in all_traces:
        scale = scales[id(trace.column)]
        style = trace.column.custom.get("drawStyle") or "line"
        if style == "bars":
            _bars(canvas, trace, scale, time, plot)
        elif style in ("line", "points"):
            _line(canvas, trace, scale, time, plot, points_only=style == "points")
        else:
            raise NotImplementedError(f"draw style {style!r}")


def _stepped(xs: list[float], ys: list[float], how: str) -> tuple[list[float], list[float]]:
    if how not in ("stepBefore", "stepAfter") or not xs:
        return xs, ys
    made_x, made_y = [xs[0]], [ys[0]]
    for x, y in zip(xs[1:], ys[1:], strict=True):
        made_x += [made_x[-1], x] if how == "stepBefore" else [x, x]
        made_y += [y, y] if how == "stepBefore" else [made_y[-1], y]
    return made_x, made_y


def _line(canvas: Canvas, trace: Trace, scale: Scale, time: Scale, plot: Box, *, points_only: bool) -> None:
    custom, shade = trace.column.custom, trace.column.colour
    how = str(custom.get("lineInterpolation") or "linear")
    flat_x = [time.at(at) for at in trace.times]
    flat_y = [scale.at(value) for value in trace.tops]
    xs, ys = _stepped(flat_x, flat_y, how)
    width = float(custom.get("lineWidth", 1))
    if not points_only:
        opacity = float(custom.get("fillOpacity") or 0) / 100
        if opacity and not custom.get("fillBelowTo"):
            bottoms = trace.bottoms or [
                max(scale.low, min(0.0, scale.high)) if not scale.base else scale.low
            ] * len(flat_x)
            under = _stepped(flat_x, [scale.at(value) for value in bottoms], how)[1]
            alpha = opacity / 2 if custom.get("gradientMode") == "opacity" else opacity
            canvas.area(xs, ys, under, shade, alpha, plot)
        style = custom.get("lineStyle") or {}
        fill = style.get("fill") or "solid"
        dash = {"dash": style.get("dash") or (10, 10), "dot": style.get("dash") or (0, 10)}.get(fill)
        if width:
            _stroke(canvas, trace, scale, xs, ys, width, dash, plot)
    shown = custom.get("showPoints") or "auto"
    size = float(custom.get("pointSize") or 5)
    room = plot.w / max(len(trace.times), 1)
    if points_only or shown == "always" or (shown == "auto" and room > 4 * size):
        canvas.points(flat_x, flat_y, shade, size, plot)
    elif shown == "auto":
        alone = [i for i in range(len(flat_y)) if _alone(flat_y, i)]
        canvas.points([flat_x[i] for i in alone], [flat_y[i] for i in alone], shade, size, plot)


def _alone(ys: list[float], index: int) -> bool:
    before = math.nan if index == 0 else ys[index - 1]
    after = math.nan if index + 1 == len(ys) else ys[index + 1]
    return not math.isnan(ys[index]) and math.isnan(before) and math.isnan(after)


def _stroke(
    canvas: Canvas,
    trace: Trace,
    scale: Scale,
    xs: list[float],
    ys: list[float],
    width: float,
    dash: tuple[float, ...] | None,
    plot: Box,
) -> None:
    """Draw the line, in the colours of its thresholds where the gradient follows the scheme."""
    column = trace.column
    mode = (column.config.get("color") or {}).get("mode") or ""
    by_value = column.custom.get("gradientMode") == "scheme" and mode == "thresholds"
    if not by_value:
        canvas.line(xs, ys, column.colour, width, dash=dash, clip=plot)
        return
    steps = [*column.thresholds, (math.inf, "")]
    for (limit, shade), (upper, _) in itertools.pairwise(steps):
        bottom = scale.at(max(limit, scale.low)) if math.isfinite(limit) else plot.bottom
        top = scale.at(min(upper, scale.high)) if math.isfinite(upper) else plot.y
        clip = Box(plot.x, max(top, plot.y), plot.w, max(min(bottom, plot.bottom) - max(top, plot.y), 0))
        if clip.h > 0:
            canvas.line(xs, ys, shade, width, dash=dash, clip=clip)


def _bars(canvas: Canvas, trace: Trace, scale: Scale, time: Scale, plot: Box) -> None:
    custom = trace.column.custom
    gaps = [new - old for old, new in itertools.pairwise(trace.times) if new > old]
    slot = min(gaps, default=trace.step or 60000) / (time.high - time.low) * plot.w
    factor = float(custom.get("barWidthFactor") or 0.6)
    width = max(min(slot * factor, float(custom.get("barMaxWidth") or 200)), 1)
    shift = {-1: -width, 1: 0.0}.get(int(custom.get("barAlignment") or 0), -width / 2)
    zero = scale.at(max(scale.low, min(0.0, scale.high))) if not scale.base else scale.start
    opacity = float(custom.get("fillOpacity") or 0) / 100
    for index, (at, value) in enumerate(zip(trace.times, trace.tops, strict=True)):
        if math.isnan(value):
            continue
        y = scale.at(value)
        under = scale.at(trace.bottoms[index]) if trace.bottoms else zero
        box = Box(time.at(at) + shift, min(y, under), width, abs(under - y))
        edge = trace.column.colour if float(custom.get("lineWidth", 1)) and width > 2 else None
        canvas.rect(box, trace.column.colour, alpha=max(opacity, 0.05), clip=plot)
        if edge and box.h > 0.5:
            canvas.rect(box, None, edge=edge, clip=plot)
