"""Variables in text: `$name`, `${name}`, `${name:format}`, `[[name]]`, as Grafana fills them."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

ALL = "$__all"
REFERENCE = re.compile(r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}")


@dataclass
class Value:
    """A variable with its chosen value; `options` are the values that All stands for."""

    name: str
    chosen: str | list[str]
    text: str = ""
    multi: bool = False
    include_all: bool = False
    all_value: str = ""
    options: list[str] = field(default_factory=list)
    label: str = ""
    hidden: bool = False

    @property
    def is_all(self) -> bool:
        return self.chosen in (ALL, [ALL])

    @property
    def values(self) -> str | list[str]:
        """The chosen value or values, with All spelled out."""
        return list(self.options) if self.is_all else self.chosen


def _regular(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\\\'")


def _special(value: str) -> str:
    return re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", value.replace("\\", "\\\\\\\\"))


def _regex(value: str) -> str:
    return re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", value)


def in_promql(variable: Value) -> str:
    """Return a value as Grafana's Prometheus data source writes it into an expression."""
    value = variable.values
    if not variable.multi and not variable.include_all:
        return _regular(value) if isinstance(value, str) else ",".join(value)
    if isinstance(value, str):
        return _special(value)
    escaped = [_special(each) for each in value]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _glob(variable: Value) -> str:
    value = variable.values
    if isinstance(value, str):
        return value
    return value[0] if len(value) == 1 else "{" + ",".join(value) + "}"


def _text(variable: Value) -> str:
    return variable.text or _glob(variable)


def _joined(separator: str, each: Callable[[str], str] = str) -> Callable[[Value], str]:
    def write(variable: Value) -> str:
        value = variable.values
        return separator.join(map(each, [value] if isinstance(value, str) else value))

    return write


def _as_regex(variable: Value) -> str:
    value = variable.values
    escaped = [_regex(each) for each in ([value] if isinstance(value, str) else value)]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _queryparam(variable: Value) -> str:
    chosen = [variable.chosen] if isinstance(variable.chosen, str) else variable.chosen
    return "&".join(f"var-{variable.name}={urllib.parse.quote(each, safe='')}" for each in chosen)


FORMATS: Mapping[str, Callable[[Value], str]] = {
    "promql": in_promql,
    "glob": _glob,
    "text": _text,
    "regex": _as_regex,
    "pipe": _joined("|"),
    "csv": _joined(","),
    "raw": _joined(","),
    "json": lambda variable: json.dumps(variable.values, separators=(",", ":")),
    "doublequote": _joined(",", lambda value: '"' + value.replace('"', '\\"') + '"'),
    "singlequote": _joined(",", lambda value: "'" + value.replace("'", "\\'") + "'"),
    "percentencode": lambda variable: urllib.parse.quote(_glob(variable), safe=""),
    "queryparam": _queryparam,
}


@dataclass
class Scope:
    """What references are filled with: variables, and built-in names that are inserted as they are."""

    variables: dict[str, Value] = field(default_factory=dict)
    builtin: dict[str, str] = field(default_factory=dict)

    def __contains__(self, name: object) -> bool:
        return name in self.variables or name in self.builtin

    def with_fixed(self, fixed: Mapping[str, str]) -> Scope:
        """Return a scope in which variables of a repeated panel have one value."""
        made = dict(self.variables)
        for name, value in fixed.items():
            old = made[name]
            made[name] = Value(name, value, value, old.multi, old.include_all, options=old.options)
        return Scope(made, self.builtin)

    def with_builtin(self, **builtin: str) -> Scope:
        """Return a scope with more built-in names."""
        return Scope(self.variables, {**self.builtin, **builtin})

    def fill(self, text: str, default: str = "glob") -> str:
        """Return text with its references filled; names that nobody defines stay as they are."""

        def one(match: re.Match[str]) -> str:
            name = match[1] or match[2] or match[4]
            if name in self.builtin:
                return self.builtin[name]
            variable = self.variables.get(name)
            if variable is None:
                return match[0]
            form = match[3] or match[6]
            if variable.is_all and variable.all_value and form is None and default != "text":
                return variable.all_value
            write = FORMATS.get(form or default)
            if write is None:
                raise NotImplementedError(f"format {form!r} of the variable {name!r}")
            return write(variable)

        return REFERENCE.sub(one, text)

    def promql(self, text: str) -> str:
        """Return an expression with its references filled."""
        return self.fill(text, "promql")
