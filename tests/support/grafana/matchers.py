"""Which fields an override or a transformation means."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from support.grafana.frames import TIME, Field, Frame, display_name

Matcher = Callable[[Field, Frame, Sequence[Frame]], bool]


def js_regex(pattern: str) -> re.Pattern[str]:
    """Compile a pattern as JavaScript writes it, with or without slashes and flags."""
    match = re.fullmatch(r"/(.*)/([a-z]*)", pattern, re.DOTALL)
    flags = re.IGNORECASE if match and "i" in match[2] else 0
    return re.compile(re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", match[1] if match else pattern), flags)


def js_replacement(text: str) -> str:
    """Return the replacement of a JavaScript regex for `re.sub`."""
    return re.sub(r"\$(\d+|&)", lambda match: r"\g<0>" if match[1] == "&" else rf"\g<{match[1]}>", text)


def named(item: Field, frame: Frame, frames: Sequence[Frame]) -> set[str]:
    """Return the names under which a field can be meant."""
    return {item.name, display_name(item, frame, frames)}


def matcher(document: dict[str, Any]) -> Matcher:
    """Return a predicate on fields."""
    kind, options = document["id"], document.get("options")
    if kind == "byName":
        return lambda item, frame, frames: options in named(item, frame, frames)
    if kind == "byNames":
        names, exclude = set(options["names"]), options.get("mode") == "exclude"
        return lambda item, frame, frames: bool(names & named(item, frame, frames)) != exclude
    if kind in ("byRegexp", "byRegexpOrNames"):
        pattern = options if kind == "byRegexp" else options.get("pattern")
        regex = js_regex(pattern) if pattern else None
        others = set() if kind == "byRegexp" else set(options.get("names") or [])
        return lambda item, frame, frames: bool(
            (regex and regex.search(display_name(item, frame, frames))) or others & named(item, frame, frames)
        )
    if kind == "byType":
        return lambda item, frame, frames: item.kind == options
    if kind == "byFrameRefID":
        return lambda item, frame, frames: frame.ref == options
    if kind == "numeric":
        return lambda item, frame, frames: item.kind == "number"
    if kind == "byTypes":
        return lambda item, frame, frames: item.kind in set(options)
    raise NotImplementedError(f"matcher {kind!r}")


def not_time(item: Field, frame: Frame, frames: Sequence[Frame]) -> bool:
    """Return whether a field is anything but a time."""
    return item.kind != TIME
