"""Durations and sizes as people write them, and text that is safe as a label value."""

from __future__ import annotations

import hashlib
import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(\d+)(ms|[smhdw])")
_WHOLE = re.compile(r"(?:\d+(?:ms|[smhdw]))+")
_SIZES = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

LABEL_LENGTH = 64


def parse_duration(text: str) -> float:
    """Return the seconds of a Prometheus duration.

    Raises ValueError for anything else than numbers with the units ms, s, m, h, d, w.

    >>> parse_duration("1h30m")
    5400.0
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f'"{text}" is not a duration such as 30s, 5m, 1h30m or 7d')
    return sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(text))


def format_duration(seconds: float) -> str:
    """Return the shortest Prometheus duration of a whole number of seconds.

    >>> format_duration(5400), format_duration(86400)
    ('90m', '1d')
    """
    for unit in ("d", "h", "m"):
        if seconds >= _UNITS[unit] and seconds % _UNITS[unit] == 0:
            return f"{int(seconds / _UNITS[unit])}{unit}"
    return f"{seconds:.15g}s"


def parse_size(text: str) -> int:
    """Return the bytes of a size such as ``16MiB``; ValueError for anything else.

    >>> parse_size("16MiB")
    16777216
    """
    match = re.fullmatch(r"(\d+)\s*([KMG]iB|B|)", text)
    if not match:
        raise ValueError(f'"{text}" is not a size such as 512KiB, 16MiB or 1GiB')
    return int(match[1]) * _SIZES[match[2]]


def category_name(value: object) -> str:
    """Return the name under which a value counts as a category.

    A string is its own name; JSON ``true`` is ``true``; a whole number is written without a fraction.

    >>> category_name("EWR"), category_name(True), category_name(3), category_name(3.0), category_name(0.5)
    ('EWR', 'true', '3', '3', '0.5')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def printable(text: str, length: int = 300) -> str:
    """Return ``text`` fit for an answer or a log line: no unpaired surrogates, no control characters, not long."""
    clean = text.encode("utf-8", "replace").decode()
    clean = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in clean)
    return clean if len(clean) <= length else clean[: length - 1] + "…"


def label_value(text: str) -> str:
    """Return ``text`` as a label value: unpaired surrogates replaced, and cut with a hash when too long.

    A value of more than 64 characters keeps its first 55 and gets eight hexadecimal digits of its
    SHA-256, so that two long values stay two.
    """
    clean = text.encode("utf-8", "replace").decode()
    if len(clean) <= LABEL_LENGTH:
        return clean
    digest = hashlib.sha256(clean.encode()).hexdigest()[:8]
    return f"{clean[: LABEL_LENGTH - 9]}~{digest}"
