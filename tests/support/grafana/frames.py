"""Data frames: what a query returns and a transformation rewrites. Times are milliseconds since the epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

TIME, NUMBER, STRING = "time", "number", "string"


@dataclass
class Field:
    """One column; `config` is its field configuration, with that of the data source in `displayNameFromDS`."""

    name: str
    kind: str
    values: list[Any]
    labels: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)

    def numbers(self) -> list[float]:
        """Return the values that are numbers and not NaN."""
        return [value for value in self.values if is_number(value)]


@dataclass
class Frame:
    """The columns of one series or one table."""

    ref: str
    fields: list[Field]
    name: str = ""

    def __len__(self) -> int:
        return max((len(each.values) for each in self.fields), default=0)

    def of(self, kind: str) -> list[Field]:
        """Return the fields of one kind."""
        return [each for each in self.fields if each.kind == kind]

    @property
    def time(self) -> Field | None:
        """The first time field."""
        return next(iter(self.of(TIME)), None)


def is_number(value: Any) -> bool:
    """Return whether a value is a number that can be drawn."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def kind_of(values: Sequence[Any]) -> str:
    """Return the kind of the first value that is there."""
    first = next((value for value in values if value is not None), None)
    return NUMBER if isinstance(first, int | float) and not isinstance(first, bool) else STRING


def format_labels(labels: dict[str, str]) -> str:
    """Return labels as Prometheus writes them."""
    return "{" + ", ".join(f'{key}="{value}"' for key, value in labels.items()) + "}" if labels else ""


def single_label(frames: Sequence[Frame]) -> str | None:
    """Return the name of the only label that the fields of all frames have, if there is only one."""
    names = {name for frame in frames for each in frame.fields for name in each.labels}
    return names.pop() if len(names) == 1 else None


def display_name(item: Field, frame: Frame, frames: Sequence[Frame]) -> str:
    """Return the name that Grafana shows for a field."""
    for key in ("displayName", "displayNameFromDS"):
        if item.config.get(key):
            return str(item.config[key])
    if item.kind == TIME and not item.labels:
        return item.name or "Time"
    parts = [frame.name] if frame.name else []
    if item.name and item.name not in ("Value", frame.name):
        parts.append(item.name)
    if item.labels:
        only = single_label(frames)
        parts.append(item.labels.get(only, "") if only else format_labels(item.labels))
    named = " ".join(part for part in parts if part)
    if named and named != item.name:
        return named
    same = [each for each in frame.fields if each.name == item.name]
    place = next(index for index, each in enumerate(same, 1) if each is item) if item in same else 1
    return f"{item.name or 'Value'} {place}" if len(same) > 1 else item.name or "Value"
