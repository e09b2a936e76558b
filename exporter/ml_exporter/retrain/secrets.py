"""Secrets in files, read at each use so that they can be renewed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_exporter.config.fields import Kind
from ml_exporter.config.yaml_file import Document
from ml_exporter.core.errors import SecretError


@dataclass(frozen=True)
class SecretFile:
    """A file that holds one secret, a line of printable ASCII."""

    path: Path

    def read(self) -> str:
        """Return the secret; SecretError if there is none that could stand in a header."""
        try:
            content = self.path.read_bytes().strip()
        except OSError as error:
            raise SecretError(f"{self.path} cannot be read: {error.strerror}") from None
        if not content:
            raise SecretError(f"{self.path} is empty")
        if not content.isascii() or not (text := content.decode()).isprintable():
            raise SecretError(f"{self.path} must hold one line of printable ASCII")
        return text


def secret_file() -> Kind:
    """A file with a secret; it must be there when the configuration is read."""

    def read(value: Any, where: str, document: Document) -> Any:
        if not isinstance(value, str) or not value or "\0" in value:
            document.problem(where, "must be the path of a file that holds the secret")
            return None
        secret = SecretFile(document.folder / value)
        try:
            secret.read()
        except SecretError as error:
            document.problem(where, str(error))
        return secret

    return Kind(
        "path of a file with the secret, read at each use", read, schema={"type": "string", "minLength": 1}
    )
