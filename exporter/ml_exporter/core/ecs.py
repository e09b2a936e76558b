"""Lines of JSON in the Elastic Common Schema: what log, audit log and prediction log have in common."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ml_exporter import __version__

VERSION: Final = "8.11.0"
"""The version of the schema whose fields are written."""

OWN: Final = "ml_exporter"
"""The object that holds what the schema has no field for."""


def moment(seconds: float) -> str:
    """Return a time in UTC as RFC 3339 has it, to the millisecond.

    >>> moment(0.5)
    '1970-01-01T00:00:00.500Z'
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line(seconds: float, level: str, message: str, dataset: str, service: str) -> dict[str, Any]:
    """Return the fields that every line begins with; those of one kind of line are added to it."""
    return {
        "@timestamp": moment(seconds),
        "log.level": level,
        "message": message,
        "ecs.version": VERSION,
        "event.dataset": dataset,
        "service.name": service,
        "service.version": __version__,
    }


def encoded(fields: Mapping[str, Any]) -> bytes:
    """Return the line, its end included; in ASCII, as a text of a sender may hold half a surrogate pair."""
    return json.dumps(fields, default=str, separators=(",", ":")).encode() + b"\n"
