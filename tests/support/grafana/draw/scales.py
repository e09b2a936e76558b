"""Ranges and ticks of axes, as Grafana's plots choose them."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from dataclasses import dataclass
from typing import Any

from support.grafana.draw.canvas import text_width

BINARY_UNITS = {"bytes", "bits", "kbytes", "mbytes", "gbytes", "binBps"}
_STEPS = (1, 2, 2.5, 5)
_TIMES = (
    1, 5, 10, 15, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 28800, 43200, 86400, 172800,
    259200, 345600, 432000, 604800, 864000, 1296000, 2592000, 7776000, 31536000,
)  # fmt: skip


@dataclass
class Scale:
    """A mapping of values onto pixels between `start` and `end`."""

    low: float
    high: float
    start: float
    end: float
    base: float = 0

    def at(self, value: float) -> float:
        """Return the pixel of a value; NaN for what a logarithmic axis cannot show."""
        low, high = self.low, self.high
        if self.base:
            if value <= 0 or not math.isfinite(value):
                return math.nan
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.start + (value - low) / (high - low or 1) * (self.end - self.start)


def _down(value: float, step: float) -> float:
    return math.floor(round(value / step, 9)) * step


def value_range(values: list[float], config: dict[str, Any]) -> tuple[float, float]:
    """Return the range of an axis from its values and its limits: padded, and with zero where it is near."""
    custom = config.get("custom") or {}
    finite = [value for value in values if math.isfinite(value)]
    hard_low, hard_high = config.get("min"), config.get("max")
    soft_low, soft_high = custom.get("axisSoftMin"), custom.get("axisSoftMax")
    if not finite:
        low = hard_low if hard_low is not None else soft_low if soft_low is not None else 0.0
        high = hard_high if hard_high is not None else soft_high if soft_high is not None else 100.0
        return float(low), float(high) if high > low else float(low) + 1
    least, most = min(finite), max(finite)
    delta = most - least
    size = max(abs(least), abs(most))
    if delta < 1e-9 * size:
        delta = 0.0
    span = delta or size or 1e3
    base = 10.0 ** math.floor(math.log10(span))
    pad = span * (0.1 if delta or least == 0 else 1.0)
    new_low, new_high = _down(least - pad, base / 10), -_down(-(most + pad), base / 10)
    if soft_low is None:
        bottom = 0.0 if least >= 0 and new_low <= 0 else math.inf
    else:
        bottom = float(soft_low) if least >= soft_low else math.inf
    if soft_high is None:
        top = 0.0 if most <= 0 and new_high >= 0 else -math.inf
    else:
        top = float(soft_high) if most <= soft_high else -math.inf
    low = bottom if new_low < bottom and least >= bottom else min(bottom, new_low)
    high = top if new_high > top and most <= top else max(top, new_high)
    if hard_low is not None:
        low = float(hard_low)
    if hard_high is not None:
        high = float(hard_high)
    return (low, high) if high > low else (low, low + (abs(low) or 1.0))


def log_range(values: list[float], config: dict[str, Any], base: float) -> tuple[float, float]:
    """Return the range of a logarithmic axis: whole powers of its base."""
    positive = [value for value in values if value > 0 and math.isfinite(value)] or [1.0]
    low, high = config.get("min"), config.get("max")
    least = float(low) if low else base ** math.floor(math.log(min(positive), base) + 1e-9)
    most = float(high) if high else base ** math.ceil(math.log(max(positive), base) - 1e-9)
    return least, most if most > least else least * base


def ticks(scale: Scale, least: float, unit: str | None = None) -> list[float]:
    """Return the values at which an axis has a label, `least` pixels apart; bytes go by powers of two."""
    if scale.base:
        return _log_ticks(scale)
    room = max(abs(scale.end - scale.start) / least, 1)
    exact = (scale.high - scale.low) / room
    if unit in BINARY_UNITS:
        step = 2.0 ** max(math.ceil(math.log2(exact)), 0)
    else:
        power = 10.0 ** math.floor(math.log10(exact))
        step = next(factor * power for factor in (*_STEPS, 10) if factor * power >= exact * (1 - 1e-9))
    count = math.floor((scale.high - scale.low) / step + 1e-6)
    first = math.ceil(scale.low / step - 1e-9)
    return [
        round((first + index) * step, 12)
        for index in range(count + 1)
        if (first + index) * step <= scale.high * (1 + 1e-9) + 1e-12
    ]


def _log_ticks(scale: Scale) -> list[float]:
    base = scale.base
    first, last = math.floor(math.log(scale.low, base) + 1e-9), math.ceil(math.log(scale.high, base) - 1e-9)
    every = max(1, math.ceil((last - first) / max(abs(scale.end - scale.start) / 30, 1)))
    return [
        base**power for power in range(first, last + 1, every) if scale.low <= base**power <= scale.high * 1.0001
    ]


def tick_decimals(values: list[float]) -> int:
    """Return the decimals that tell the ticks of an axis apart."""
    if len(values) < 2:
        return 0
    step = min(abs(new - old) for old, new in itertools.pairwise(values))
    return next((places for places in range(10) if abs(round(step, places) - step) < step * 1e-6), 10)


def spacing(height: float) -> float:
    """Return the least distance of ticks on a vertical axis."""
    return 15 if height <= 150 else 30


def time_ticks(scale: Scale, gap: float = 18) -> list[tuple[float, str]]:
    """Return times in milliseconds with their labels in UTC."""
    seconds = (scale.high - scale.low) / 1000
    pixels = abs(scale.end - scale.start)
    sample = _time_label(scale.low / 1000, seconds * 40 / max(pixels, 1), seconds)
    room = max(pixels / (text_width(sample, 12) + gap), 1)
    step = next((each for each in _TIMES if each >= seconds / room), _TIMES[-1])
    first = math.ceil(scale.low / 1000 / step) * step
    count = max(math.floor((scale.high / 1000 - first) / step) + 1, 0)
    times = [first + place * step for place in range(count)]
    return [(at * 1000, _time_label(at, step, seconds)) for at in times]


def _time_label(at: float, step: float, seconds: float) -> str:
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    if step <= 30:
        return moment.strftime("%H:%M:%S")
    if seconds <= 86400:
        return moment.strftime("%H:%M")
    return moment.strftime("%m/%d %H:%M" if step < 86400 else "%m/%d")
