"""The options of a transformation."""

from __future__ import annotations

from typing import Any

Options = dict[str, Any]


def allowed(name: str, options: Options, *known: str) -> None:
    """Raise where an option that says something is not known here."""
    unknown = sorted(key for key in set(options) - set(known) if options[key] not in (None, "", {}, [], False))
    if unknown:
        raise NotImplementedError(f"transformation {name!r} with {unknown}")
