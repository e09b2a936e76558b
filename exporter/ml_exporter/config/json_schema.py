"""The keys of a file as JSON Schema (2020-12), for editors: from the table that reads and documents them.

What a single value must be is in the schema; what depends on other keys, on files or on the environment is not,
nor are the bounds of durations: the reader tells those. Only keywords are used that drafts 7 to 2020-12 have in
common, because editors know different ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from ml_exporter.config.fields import Field, Section

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def document(title: str, root: Section) -> Schema:
    """Return the schema of a whole file."""
    return {"$schema": DIALECT, "title": title, **mapping(root)}


def mapping(section: Section) -> Schema:
    """Return the schema of a mapping with known keys."""
    schema: Schema = {"type": "object", "properties": {field.name: _key(field) for field in section.fields}}
    if required := [field.name for field in section.fields if field.required]:
        schema["required"] = required
    return schema | {"additionalProperties": False}


def text(pattern: str, longest: int) -> Schema:
    """Return the schema of text that matches ``pattern`` as a whole and is at most so long."""
    schema: Schema = {"type": "string", "maxLength": longest}
    if pattern == ".+":
        return schema | {"minLength": 1}
    return schema | {"pattern": f"^(?:{pattern})$"}


def _key(field: Field) -> Schema:
    """Return the schema of a key; one without a value is one that is not given."""
    schema = dict(field.kind.schema or {})
    if not field.required:
        schema = _or_nothing(schema)
    told: Schema = {"description": field.meaning}
    if not field.required and (field.kind.section is None) and field.default not in (None, (), {}, ""):
        told["default"] = _default(field)
    return told | schema


def _or_nothing(schema: Schema) -> Schema:
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], None]}
    if "anyOf" in schema:
        return schema | {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    if "type" in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return schema | {"type": [*kinds, "null"]}
    return schema


def _default(field: Field) -> Any:
    """Return a default as the file would have it."""
    if isinstance(field.default, str):
        return field.default
    if isinstance(field.default, tuple):
        return list(field.default)
    return yaml.safe_load(field.kind.show(field.default))
