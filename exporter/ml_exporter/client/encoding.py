"""Events as lines of JSON, whatever number types the model server's libraries use."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any


class Unwritable:
    """Stands in an event for what could not be read at call time; the encoder refuses the event for it."""

    __slots__ = ("kind", "wanted")

    def __init__(self, wanted: str, value: object) -> None:
        self.wanted = wanted
        self.kind = type(value)


def encode(event: Mapping[str, Any]) -> bytes:
    """Return one line of JSON; an exception, of whatever type the values raise, if that cannot be done.

    NaN becomes null, a missing value; numbers and arrays of other libraries are taken by their ``tolist``
    or ``item`` method; dates need a time zone.
    """
    try:
        return json.dumps(event, allow_nan=False, default=_plain, separators=(",", ":")).encode()
    except ValueError:
        return json.dumps(_without_nan(event), allow_nan=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Unwritable):
        raise TypeError(f"{value.wanted}, got {value.kind.__name__}")
    if isinstance(value, datetime):
        return value.timestamp()
    for method in ("tolist", "item", "isoformat"):
        convert = getattr(value, method, None)
        if convert is not None:
            return convert()
    raise TypeError(f"a value of type {type(value).__name__} cannot be written as JSON")


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if value is None or isinstance(value, str | int | bool):
        return value
    return _without_nan(_plain(value))
