"""Which keys of a configuration differ, without their values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def changed_keys(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """Yield the path of each key that differs; items of a list that have a name are told by it.

    >>> list(changed_keys({"a": 1, "m": [{"name": "x", "b": 1}]}, {"a": 2, "m": [{"name": "x", "b": 1, "c": 5}]}))
    ['a', 'm[x].c']
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from changed_keys(old.get(key), new.get(key), f"{where}.{key}" if where else str(key))
    elif _named(old) and _named(new):
        before, after = ({item["name"]: item for item in items} for items in (old, new))
        for name in [*before, *(name for name in after if name not in before)]:
            place = f"{where}[{name}]"
            if name in before and name in after:
                yield from changed_keys(before[name], after[name], place)
            else:
                yield place
    elif old != new:
        yield where


def _named(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and "name" in item for item in value)
    )
