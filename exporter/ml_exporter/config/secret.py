"""Secrets: named by a configuration file, never written in it, never shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ml_exporter.config.fields import BAD, Kind
from ml_exporter.config.json_schema import Schema
from ml_exporter.config.yaml_file import Document


class Secret:
    """A secret; it is never shown."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """Return the secret."""
        return self._value

    def __repr__(self) -> str:
        return "<secret>"


def secret() -> Kind:
    """A secret from a file or from the environment; written in the file itself it is refused."""

    def read(value: Any, where: str, document: Document) -> Any:
        if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in ("file", "env"):
            document.problem(
                where, 'must be {"file": PATH} or {"env": NAME}; a secret does not belong in this file'
            )
            return BAD
        ((source, name),) = value.items()
        if not isinstance(name, str) or not name:
            document.problem(where, f"{source} must be a {'path' if source == 'file' else 'name'}")
            return BAD
        content = _secret_content(source, name, document.folder)
        if isinstance(content, str):
            document.problem(where, content)
            return BAD
        return Secret(content)

    source = {"type": "string", "minLength": 1}
    schema: Schema = {
        "type": "object",
        "properties": {"file": source, "env": source},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return Kind('{"file": PATH} or {"env": NAME}', read, schema=schema)


def _secret_content(source: str, name: str, folder: Path) -> bytes | str:
    """Return the secret, or what is wrong."""
    if source == "env":
        content = os.environb.get(name.encode(), b"")
        return content or f"environment variable {name} is not set"
    try:
        content = (folder / name).read_bytes().strip()
    except OSError as error:
        return f"file {name} cannot be read: {error.strerror}"
    return content or f"file {name} is empty"
