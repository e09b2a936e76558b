"""Numbers as Grafana writes them: decimals, units, durations and dates."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable
from typing import Any

Formatter = Callable[[float, int | None], str]


def decimals_for(value: float) -> int:
    """Return the decimals of a value that has no setting for them."""
    if value == 0 or value % 1 == 0:
        return 0
    power = math.floor(math.log10(abs(value)))
    places = -power + 1
    return max(0, places + (value / 10**-places > 2.25))


def fixed(value: float, decimals: int | None) -> str:
    """Return a number with decimals."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    places = decimals_for(value) if decimals is None else decimals
    factor = 10**places
    rounded = math.floor(value * factor + 0.5) / factor
    return f"{rounded:.{places}f}"


def plain(suffix: str = "", scale: float = 1.0) -> Formatter:
    """Return a formatter of scaled numbers with a suffix."""
    return lambda value, decimals: fixed(value * scale, decimals) + suffix


def scaled(factor: float, names: list[str], offset: int = 0, prefix: str = "") -> Formatter:
    """Return a formatter that chooses the prefix of the unit."""

    def write(value: float, decimals: int | None) -> str:
        if value == 0 or math.isinf(value):
            return prefix + fixed(value, decimals) + (names[offset] if math.isfinite(value) else "")
        power = math.floor(math.log10(abs(value)) / math.log10(factor) + 1e-12)
        power = max(-offset, min(power, len(names) - offset - 1))
        return prefix + fixed(value / factor**power, decimals) + names[offset + power]

    return write


def stepped(*limits: tuple[float, float, str]) -> Formatter:
    """Return a formatter of durations: the first limit above the value gives divisor and name."""

    def write(value: float, decimals: int | None) -> str:
        _, divisor, name = next((entry for entry in limits if abs(value) < entry[0]), limits[-1])
        return f"{fixed(value / divisor, decimals)} {name}"

    return write


SECONDS = stepped(
    (1e-6, 1e-9, "ns"), (1e-3, 1e-6, "µs"), (1, 1e-3, "ms"), (60, 1, "s"), (3600, 60, "mins"),
    (86400, 3600, "hours"), (604800, 86400, "days"), (31536000, 604800, "weeks"), (math.inf, 3.15569e7, "years"),
)  # fmt: skip


def seconds(value: float, decimals: int | None) -> str:
    """Return seconds in the unit that fits."""
    text = SECONDS(value, decimals) if value else f"{fixed(0, decimals)} s"
    return _singular(text)


def _singular(text: str) -> str:
    for unit in ("min", "hour", "day", "week", "year"):
        if text == f"1 {unit}s":
            return f"1 {unit}"
    return text


def _from(unit: int) -> Formatter:
    """Return the formatter of a duration whose smallest unit is minutes, hours or days."""
    units = [("mins", 60), ("hours", 3600), ("days", 86400), ("weeks", 604800), ("years", 31536000)][unit:]
    base = units[0][1]
    limits = [(after / base, size / base, name) for (name, size), (_, after) in itertools.pairwise(units)]
    write = stepped(*limits, (math.inf, 31536000 / base, "years"))
    return lambda value, decimals: _singular(write(value, decimals))


def milliseconds(value: float, decimals: int | None) -> str:
    """Return milliseconds in the unit that fits."""
    return f"{fixed(value, decimals)} ms" if abs(value) < 1000 else seconds(value / 1000, decimals)


SPANS = [("year", 31536000), ("month", 2592000), ("week", 604800), ("day", 86400), ("hour", 3600), ("minute", 60)]


def spelled(value: float, decimals: int | None) -> str:
    """Return a duration in words: its largest unit, and as many more as there are decimals."""
    if value == 0:
        return "0 seconds"
    if value < 0:
        return spelled(-value, decimals) + " ago"
    parts: list[str] = []
    for name, size in [*SPANS, ("second", 1), ("millisecond", 0.001)]:
        if len(parts) > (decimals or 0):
            break
        if value / size >= 1 or parts:
            count = int(value / size + 1e-9)
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
            value -= count * size
    return ", ".join(parts)


def clock(value: float, decimals: int | None) -> str:
    """Return seconds as hours, minutes and seconds."""
    whole = int(abs(value))
    text = f"{whole // 3600:02d}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{text} ago" if value < 0 else text


AGO = [
    (44.5, "a few seconds", 1), (89.5, "a minute", 1), (44.5 * 60, "{} minutes", 60), (89.5 * 60, "an hour", 1),
    (21.5 * 3600, "{} hours", 3600), (35.5 * 3600, "a day", 1), (25.5 * 86400, "{} days", 86400),
    (45.5 * 86400, "a month", 1), (319.5 * 86400, "{} months", 2629800), (547.5 * 86400, "a year", 1),
    (math.inf, "{} years", 31557600),
]  # fmt: skip


def from_now(value: float, now: float) -> str:
    """Return the distance of a time in milliseconds, in words."""
    distance = (now - value) / 1000
    text, size = next((text, size) for limit, text, size in AGO if abs(distance) < limit)
    words = text.format(round(abs(distance) / size))
    return f"{words} ago" if distance >= 0 else f"in {words}"


def iso(value: float) -> str:
    """Return a time in milliseconds as a date and a time of day in UTC."""
    return dt.datetime.fromtimestamp(value / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


BINARY = [" B", " KiB", " MiB", " GiB", " TiB", " PiB"]
DECIMAL = [" B", " kB", " MB", " GB", " TB", " PB"]
COUNTS = ["", " K", " Mil", " Bil", " Tri"]


def _rate(name: str) -> Formatter:
    return scaled(1000, [f" {name}", f"K {name}", f"M {name}", f"B {name}", f"T {name}"])


FORMATTERS: dict[str, Formatter] = {
    "none": plain(),
    "short": scaled(1000, COUNTS),
    "sishort": scaled(1000, ["", " k", " M", " G", " T"]),
    "percent": plain("%"),
    "percentunit": plain("%", 100),
    "s": seconds,
    "ms": milliseconds,
    "µs": lambda value, decimals: seconds(value / 1e6, decimals),
    "ns": lambda value, decimals: seconds(value / 1e9, decimals),
    "m": _from(0),
    "h": _from(1),
    "d": _from(2),
    "dtdurations": spelled,
    "dtdurationms": lambda value, decimals: spelled(value / 1000, decimals),
    "dthms": clock,
    "clocks": clock,
    "reqps": _rate("req/s"),
    "ops": _rate("ops/s"),
    "cps": _rate("c/s"),
    "rps": _rate("rd/s"),
    "wps": _rate("wr/s"),
    "eps": _rate("evt/s"),
    "cpm": _rate("c/m"),
    "opm": _rate("ops/m"),
    "reqpm": _rate("req/m"),
    "bytes": scaled(1024, BINARY),
    "decbytes": scaled(1000, DECIMAL),
    "kbytes": scaled(1024, BINARY, 1),
    "mbytes": scaled(1024, BINARY, 2),
    "binBps": scaled(1024, [f"{name}/s" for name in BINARY]),
    "Bps": scaled(1000, [f"{name}/s" for name in DECIMAL]),
    "bps": scaled(1000, [" b/s", " kb/s", " Mb/s", " Gb/s", " Tb/s"]),
    "celsius": plain(" °C"),
    "watt": scaled(1000, [" mW", " W", " kW", " MW"], 1),
    "hertz": scaled(1000, [" Hz", " kHz", " MHz", " GHz"]),
    "currencyUSD": scaled(1000, ["", "K", "M", "B", "T"], prefix="$"),
    "currencyEUR": scaled(1000, ["", "K", "M", "B", "T"], prefix="€"),
    "currencyGBP": scaled(1000, ["", "K", "M", "B", "T"], prefix="£"),
    "locale": lambda value, decimals: f"{value:,.{decimals if decimals is not None else 3 * bool(value % 1)}f}",
}


def formatter(unit: str | None, now: float) -> Formatter:
    """Return the formatter of a unit; one that Grafana does not know is written behind the number."""
    if not unit:
        return plain()
    if unit in FORMATTERS:
        return FORMATTERS[unit]
    if unit == "dateTimeFromNow":
        return lambda value, decimals: from_now(value, now)
    if unit.startswith(("dateTimeAsIso", "dateTimeAsSystem", "dateTimeAsLocal", "time:")):
        return lambda value, decimals: iso(value)
    name, _, rest = unit.partition(":")
    if name == "prefix":
        return lambda value, decimals: rest + fixed(value, decimals)
    if name == "count":
        return _rate(rest)
    if name == "currency":
        return scaled(1000, ["", "K", "M", "B", "T"], prefix=rest)
    return plain(f" {rest if name == 'suffix' else unit}")


def written(value: Any, unit: str | None, decimals: int | None, now: float) -> str:
    """Return a value as text; what is no number stays as it is."""
    if value is None:
        return ""
    if unit == "string" or isinstance(value, str | bool):
        return str(value)
    return "NaN" if math.isnan(value) else formatter(unit, now)(value, decimals)
