"""Describing the keys of a file once: for reading them strictly and for documenting them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final
from urllib.parse import urlsplit

from ml_exporter.config import json_schema
from ml_exporter.config.json_schema import Schema
from ml_exporter.config.yaml_file import Document
from ml_exporter.core.errors import nearest
from ml_exporter.core.text import format_duration, parse_duration, parse_size

REQUIRED: Final = object()
"""The default of a key that must be given."""

DEFAULTS: Final = object()
"""The default of a section: all of its own defaults."""

BAD: Final = object()
"""What reading a value returns that cannot be used; what is wrong with it is noted then."""

_NARROWEST: Final = 0.001
"""Least length of a range of numbers: fifths of it have names of their own."""


@dataclass(frozen=True)
class Kind:
    """A type of value: how it is called in the documentation, and how it is read.

    ``read`` returns the value or notes a problem and returns anything; ``show`` writes a value as the file has it.
    ``schema`` says in JSON Schema what ``read`` takes, as far as that can be said there; a section has its own.
    """

    name: str
    read: Callable[[Any, str, Document], Any]
    section: Section | None = None
    show: Callable[[Any], str] = lambda value: _written(value)
    schema: Schema | None = None


@dataclass(frozen=True)
class Field:
    """A key: its name, type, meaning, and default (REQUIRED if there is none)."""

    name: str
    kind: Kind
    meaning: str
    default: Any = REQUIRED

    @property
    def required(self) -> bool:
        """Whether the key must be given."""
        return self.default is REQUIRED


@dataclass(frozen=True)
class Section:
    """A mapping with known keys."""

    fields: tuple[Field, ...]

    def read(self, value: Any, where: str, document: Document) -> dict[str, Any]:
        """Return the value of every key, its default where it is not given; note what is wrong."""
        if not isinstance(value, dict):
            empty = value is None and all(field.default is not REQUIRED for field in self.fields)
            hint = "; {} stands for the defaults" if empty else ""
            document.problem(where, f"must be a mapping, got {_told(value)}{hint}")
            return self.defaults()
        known = [field.name for field in self.fields]
        for key in value:
            if key not in known:
                allowed = "" if nearest(key, known) else f"; allowed are {', '.join(known)}"
                document.problem(_join(where, key), f"unknown key{nearest(key, known)}{allowed}")
        result = {}
        for field in self.fields:
            path = _join(where, field.name)
            given = value.get(field.name)
            if given is not None:
                read = field.kind.read(given, path, document)
                result[field.name] = _default(field) if read is BAD else read
            else:
                if field.default is REQUIRED:
                    document.problem(path, f"must be given: {field.kind.name}")
                result[field.name] = _default(field)
        return result

    def defaults(self) -> dict[str, Any]:
        """Return the default of every key."""
        return {field.name: _default(field) for field in self.fields}


def text(pattern: str = r".+", meaning: str = "text", longest: int = 200) -> Kind:
    """Text that matches ``pattern`` as a whole."""

    def read(value: Any, where: str, document: Document) -> Any:
        if isinstance(value, bool | int | float):
            document.problem(where, f"must be {meaning}, but YAML reads it as {_written(value)}; put it in quotes")
            return BAD
        if not isinstance(value, str) or len(value) > longest or not re.fullmatch(pattern, value, re.DOTALL):
            document.problem(where, f"must be {meaning}, got {_told(value)}")
            return BAD
        return value

    return Kind(meaning, read, schema=json_schema.text(pattern, longest))


def choice(names: Sequence[str]) -> Kind:
    """One of some names."""
    listed = ", ".join(names)

    def read(value: Any, where: str, document: Document) -> Any:
        if value not in names:
            document.problem(where, f"must be one of {listed}, got {_told(value)}")
            return BAD
        return value

    return Kind(f"one of {listed}", read, schema={"enum": list(names)})


def boolean() -> Kind:
    """True or false."""

    def read(value: Any, where: str, document: Document) -> Any:
        if not isinstance(value, bool):
            document.problem(where, f"must be true or false, got {_told(value)}")
            return BAD
        return value

    return Kind("true or false", read, schema={"type": "boolean"})


def integer(lowest: int, highest: int) -> Kind:
    """A whole number within bounds."""

    def read(value: Any, where: str, document: Document) -> Any:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            document.problem(where, f"must be a whole number from {lowest:,} to {highest:,}, got {_told(value)}")
            return BAD
        return value

    schema: Schema = {"type": "integer", "minimum": lowest, "maximum": highest}
    return Kind(f"whole number from {lowest:,} to {highest:,}", read, schema=schema)


def share() -> Kind:
    """A share of all: more than 0, 1 at most."""

    def read(value: Any, where: str, document: Document) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
            document.problem(where, f"must be a number above 0 and up to 1, got {_told(value)}")
            return BAD
        return float(value)

    schema = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    return Kind("number above 0 and up to 1", read, show=lambda value: f"{value:g}", schema=schema)


def duration(lowest: float, highest: float) -> Kind:
    """A duration within bounds, as seconds."""
    bounds = f"from {format_duration(lowest)} to {format_duration(highest)}"

    def read(value: Any, where: str, document: Document) -> Any:
        try:
            seconds = parse_duration(value)
        except (ValueError, TypeError):
            document.problem(where, f"must be a duration such as 30s, 5m, 1h30m or 7d, got {_told(value)}")
            return BAD
        if not lowest <= seconds <= highest:
            document.problem(where, f"must be a duration {bounds}, got {_told(value)}")
            return BAD
        return seconds

    schema: Schema = {"type": "string", "pattern": r"^(\d+(ms|[smhdw]))+$"}
    return Kind(f"duration {bounds}", read, show=format_duration, schema=schema)


def whole_duration(lowest: float, highest: float) -> Kind:
    """A duration of whole seconds within bounds, kept as it is spelled."""
    inner = duration(lowest, highest)

    def read(value: Any, where: str, document: Document) -> Any:
        seconds = inner.read(value, where, document)
        if seconds is not BAD and seconds != int(seconds):
            document.problem(where, f"must be whole seconds, got {_told(value)}")
            return BAD
        return seconds if seconds is BAD else value

    return Kind(f"{inner.name}, whole seconds", read, schema=inner.schema)


def size(lowest: int, highest: int) -> Kind:
    """A number of bytes within bounds."""
    bounds = f"from {_size(lowest)} to {_size(highest)}"

    def read(value: Any, where: str, document: Document) -> Any:
        try:
            count = parse_size(str(value))
        except ValueError:
            document.problem(where, f"must be a size such as 512KiB, 16MiB or 1GiB, got {_told(value)}")
            return BAD
        if not lowest <= count <= highest:
            document.problem(where, f"must be a size {bounds}, got {_told(value)}")
            return BAD
        return count

    number = {"type": "integer", "minimum": lowest, "maximum": highest}
    spelled = {"type": "string", "pattern": r"^\d+\s*([KMG]iB|B)?$"}
    return Kind(f"size {bounds}", read, show=_size, schema={"anyOf": [spelled, number]})


def path() -> Kind:
    """A path; a relative one starts at the folder of the file."""

    def read(value: Any, where: str, document: Document) -> Any:
        if not isinstance(value, str) or not value or "\0" in value:
            document.problem(where, f"must be a path, got {_told(value)}")
            return BAD
        return document.folder / value

    return Kind("path, relative to this file's folder", read, schema={"type": "string", "minLength": 1})


def http_url(example: str) -> Kind:
    """An address of a web server, without a user or a password."""
    meaning = f"an address such as {example}"

    def read(value: Any, where: str, document: Document) -> Any:
        try:
            parts = urlsplit(value)
            fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except (ValueError, AttributeError, TypeError):
            fits = False
        if not fits or not isinstance(value, str) or not value.isascii() or any(map(str.isspace, value)):
            document.problem(where, f"must be {meaning}, got {_told(value)}")
            return BAD
        if parts.username is not None:
            document.problem(where, "must not hold a user or a password; a secret does not belong in this file")
            return BAD
        return value

    return Kind(meaning, read, schema={"type": "string", "pattern": r"^https?://[^\s@]+$"})


def number_range(most: int) -> Kind:
    """Two numbers of at most ``most``, whatever their sign, the first below the second."""

    def read(value: Any, where: str, document: Document) -> Any:
        fits = isinstance(value, list) and len(value) == 2
        if not fits or not all(_is_number(item) and abs(item) <= most for item in value):
            document.problem(where, f"must be a pair of numbers such as [1, 5], got {_told(value)}")
            return BAD
        if value[1] - value[0] < _NARROWEST:
            document.problem(where, f"must ascend by at least {_NARROWEST:g}, got {_told(value)}")
            return BAD
        return float(value[0]), float(value[1])

    item = {"type": "number", "minimum": -most, "maximum": most}
    schema: Schema = {"type": "array", "items": item, "minItems": 2, "maxItems": 2}
    return Kind(f"pair of ascending numbers [lowest, highest], within {most:,}", read, schema=schema)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number_pair() -> Kind:
    """Two numbers, the first not above the second; null on a side means no bound there."""

    def read(value: Any, where: str, document: Document) -> Any:
        fits = isinstance(value, list) and len(value) == 2
        if fits:
            fits = all(item is None or _is_number(item) for item in value)
        if not fits:
            document.problem(where, f"must be a pair such as [0, 120] or [0, null], got {_told(value)}")
            return BAD
        low = -float("inf") if value[0] is None else float(value[0])
        high = float("inf") if value[1] is None else float(value[1])
        if not low <= high:
            document.problem(where, f"must ascend, got {_told(value)}")
            return BAD
        return low, high

    schema: Schema = {"type": "array", "items": {"type": ["number", "null"]}, "minItems": 2, "maxItems": 2}
    return Kind("pair of numbers [lowest, highest], null for no bound", read, schema=schema)


def ascending_numbers() -> Kind:
    """One number or more, each above the one before."""

    def read(value: Any, where: str, document: Document) -> Any:
        fits = isinstance(value, list) and len(value) > 0
        fits = fits and all(map(_is_number, value))
        if not fits or not all(low < high for low, high in pairwise(value)):
            document.problem(where, f"must be numbers that ascend, such as [10, 100], got {_told(value)}")
            return BAD
        return tuple(map(float, value))

    schema = {"type": "array", "items": {"type": "number"}, "minItems": 1}
    return Kind("list of ascending numbers", read, schema=schema)


def list_of(item: Kind, least: int = 0, unique: bool = False, most: int | None = None) -> Kind:
    """A list of values of one kind."""

    def read(value: Any, where: str, document: Document) -> Any:
        if not isinstance(value, list):
            document.problem(where, f"must be a list, got {_told(value)}")
            return BAD
        if len(value) < least:
            document.problem(where, f"must have at least {least} item{'s' if least > 1 else ''}")
        if most is not None and len(value) > most:
            document.problem(where, f"must have at most {most} items, got {len(value)}")
        items = [item.read(entry, f"{where}[{number}]", document) for number, entry in enumerate(value)]
        items = [entry for entry in items if entry is not BAD]
        if unique and len(set(items)) < len(items):
            document.problem(where, "must not repeat an item")
        return tuple(items)

    def show(value: Any) -> str:
        return f"[{', '.join(map(item.show, value))}]"

    schema: Schema = {"type": "array", "items": item.schema or {}}
    if least:
        schema["minItems"] = least
    if most is not None:
        schema["maxItems"] = most
    if unique:
        schema["uniqueItems"] = True
    return Kind(f"list of {item.name}", read, item.section, show, schema)


def mapping_of(item: Kind, key_meaning: str, names: Kind | None = None) -> Kind:
    """A mapping from names to values of one kind; ``names`` is what a name must be."""

    def read(value: Any, where: str, document: Document) -> Any:
        if not isinstance(value, dict):
            document.problem(where, f"must be a mapping, got {_told(value)}")
            return BAD
        items = {
            key: item.read(entry, _join(where, key), document)
            for key, entry in value.items()
            if names is None or names.read(key, _join(where, key), document) is not BAD
        }
        return {key: entry for key, entry in items.items() if entry is not BAD}

    schema: Schema = {"type": "object", "additionalProperties": item.schema or {}}
    if names is not None:
        schema["propertyNames"] = names.schema or {}
    return Kind(f"mapping of {key_meaning} to {item.name}", read, item.section, schema=schema)


def section(inner: Section) -> Kind:
    """A mapping with known keys."""
    return Kind(
        "mapping",
        lambda value, where, document: inner.read(value, where, document),
        inner,
        schema=json_schema.mapping(inner),
    )


def _default(field: Field) -> Any:
    if field.default is DEFAULTS and field.kind.section is not None:
        return field.kind.section.defaults()
    return None if field.default is REQUIRED else field.default


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list" if len(value) > 4 else str(value)
    return f'"{value}"' if isinstance(value, str) else _written(value)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _size(count: int) -> str:
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor and count % factor == 0:
            return f"{count // factor}{unit}"
    return f"{count}B"
