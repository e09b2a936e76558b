"""What the Elastic Common Schema 8.11 says of the fields that are written, and lines as flat fields.

Types are those of https://www.elastic.co/guide/en/ecs/8.11/ecs-field-reference.html, which
https://github.com/elastic/ecs/blob/8.11/generated/csv/fields.csv lists; allowed words are those of
https://www.elastic.co/guide/en/ecs/8.11/ecs-category-field-values-reference.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FIELDS = {
    "@timestamp": "date",
    "ecs.version": "keyword",
    "error.message": "match_only_text",
    "error.stack_trace": "wildcard",
    "error.type": "keyword",
    "event.action": "keyword",
    "event.category": "keyword",
    "event.dataset": "keyword",
    "event.duration": "long",
    "event.ingested": "date",
    "event.kind": "keyword",
    "event.outcome": "keyword",
    "event.type": "keyword",
    "file.hash.sha256": "keyword",
    "file.path": "keyword",
    "labels": "object",
    "log.level": "keyword",
    "log.logger": "keyword",
    "message": "match_only_text",
    "process.thread.name": "keyword",
    "service.name": "keyword",
    "service.version": "keyword",
    "user.name": "keyword",
}

ARRAYS = {"event.category", "event.type"}

KINDS = {"alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal"}
OUTCOMES = {"success", "failure", "unknown"}
EXPECTED_TYPES = {
    "configuration": {"access", "change", "creation", "deletion", "info"},
    "file": {"access", "change", "creation", "deletion", "info"},
    "process": {"access", "change", "end", "info", "start"},
}

OWN = "ml_exporter."
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file, each as flat fields; those that are no JSON fail."""
    return [dict(flat(json.loads(line))) for line in path.read_text().splitlines()]


def flat(value: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Yield fields with dots in their names, but for objects whose keys are anything."""
    for name, item in value.items():
        path = f"{prefix}{name}"
        if isinstance(item, dict) and path not in ("labels", f"{OWN}features", f"{OWN}prediction.scores"):
            yield from flat(item, f"{path}.")
        else:
            yield path, item


def fits(type: str, value: Any) -> bool:
    """Return whether Elasticsearch takes a value for a field of a type as what it is."""
    if isinstance(value, list):
        return all(fits(type, item) for item in value)
    if type == "date":
        return isinstance(value, str) and DATE.fullmatch(value) is not None
    if type in ("long", "integer"):
        return isinstance(value, int) and not isinstance(value, bool)
    if type == "double":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if type in ("object", "flattened"):
        return isinstance(value, dict) and not any(isinstance(item, dict | list) for item in value.values())
    return isinstance(value, str)


def check(line: dict[str, Any], own: dict[str, str]) -> None:
    """Assert that a line has the fields of the schema, in their types; ``own`` are the types of ours."""
    assert {"@timestamp", "log.level", "message", "ecs.version", "event.dataset", "service.name"} <= line.keys()
    for name, value in line.items():
        types = own if name.startswith(OWN) else FIELDS
        assert name in types, name
        assert fits(types[name], value), (name, value)
        assert isinstance(value, list) == (name in ARRAYS) or name.startswith(OWN), name
    if "event.kind" in line:
        assert line["event.kind"] in KINDS
        assert line.get("event.outcome", "unknown") in OUTCOMES
    for category in line.get("event.category", ()):
        assert set(line["event.type"]) <= EXPECTED_TYPES[category]
