"""A YAML file as plain data that knows on which line each value stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ml_exporter.core.errors import ConfigError, Problem


@dataclass
class Document:
    """Plain data of a file, the line of every path in it, and the problems found so far."""

    source: str
    folder: Path
    data: Any = None
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, where: str, what: str) -> None:
        """Note a mistake; its line is that of the path, or of the nearest one above it."""
        path = where
        while path and path not in self.lines:
            path = path.rpartition(".")[0] if "." in path else ""
        self.problems.append(Problem(where, what, self.lines.get(path)))

    def finish(self) -> None:
        """Raise ConfigError if there is any problem, in the order of the lines."""
        if self.problems:
            ordered = sorted(self.problems, key=lambda problem: problem.line or 0)
            raise ConfigError(self.source, ordered)


def read(path: Path) -> Document:
    """Return the document in ``path``; ConfigError if it cannot be read or is not YAML."""
    source = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(source, [Problem("", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(source, [Problem("", f"must be UTF-8: {error.reason}")]) from error
    document = Document(source, path.parent)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document.data = _plain(node, "", document) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ConfigError(source, [Problem("", f"is not YAML: {error.problem}", line)]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(source, [Problem("", f"is not YAML: {error}")]) from error
    return document


def _plain(node: yaml.Node, where: str, document: Document) -> Any:
    document.lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        content: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            path = f"{where}.{key}" if where else key
            document.lines.setdefault(path, key_node.start_mark.line + 1)
            if key in content:
                line = key_node.start_mark.line + 1
                document.problems.append(Problem(path, "stands twice", line))
            content[key] = _plain(value_node, path, document)
        return content
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, f"{where}[{number}]", document) for number, item in enumerate(node.value)]
    return _scalar(node)


def _scalar(node: yaml.Node) -> Any:
    kind = node.tag.rpartition(":")[2]
    if kind in ("null", "bool", "int", "float"):
        try:
            return yaml.SafeLoader("").construct_object(node)
        except ValueError:
            return node.value
    return node.value
