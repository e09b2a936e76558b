"""The variables of a dashboard, resolved in order against a Prometheus."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from support.grafana.dashboard import Dashboard, seconds_of
from support.grafana.frames import format_labels
from support.grafana.interpolation import ALL, Scope, Value
from support.grafana.intervals import nice, written
from support.grafana.prometheus import Prometheus, PrometheusError

Choices = Mapping[str, str | Sequence[str]]
Option = tuple[str, str]

LABEL_VALUES = re.compile(r"^label_values\((?:(.+),\s*)?([a-zA-Z_$][\w$]*)\s*\)\s*$", re.DOTALL)
QUERY_RESULT = re.compile(r"^query_result\((.+)\)\s*$", re.DOTALL)
LABEL_NAMES = re.compile(r"^label_names\(\)\s*$")
METRICS = re.compile(r"^metrics\((.+)\)\s*$")


class VariableError(Exception):
    """A variable could not be resolved."""


def resolve(
    dashboard: Dashboard, prometheus: Prometheus, *, end: float, seconds: float, choices: Choices | None = None
) -> Scope:
    """Return the scope of a dashboard: each variable with its choice, or else what Grafana would choose."""
    choices = choices or {}
    start = end - seconds
    scope = Scope(builtin=_times(start, end))
    for document in dashboard.variables:
        name = document["name"]
        try:
            options = _options(document, scope, prometheus, start, end)
        except PrometheusError as error:
            raise VariableError(f"variable {name!r}: {error}") from error
        scope.variables[name] = _chosen(document, options, choices.get(name))
    unknown = set(choices) - set(scope.variables)
    if unknown:
        raise VariableError(f"no such variable: {sorted(unknown)}; there are {sorted(scope.variables)}")
    return scope


def _times(start: float, end: float) -> dict[str, str]:
    seconds = round(end - start)
    return {
        "__from": str(round(start * 1000)),
        "__to": str(round(end * 1000)),
        "__range": f"{seconds}s",
        "__range_s": str(seconds),
        "__range_ms": str(round((end - start) * 1000)),
    }


def _options(
    document: dict[str, Any], scope: Scope, prometheus: Prometheus, start: float, end: float
) -> list[Option]:
    kind = document["type"]
    query = document.get("query")
    if kind == "datasource":
        return [("Prometheus", "prometheus")]
    if kind == "query":
        text = query["query"] if isinstance(query, dict) else query
        found = _queried(scope.promql(text or ""), document["name"], prometheus, start, end)
        pattern = scope.fill(document.get("regex") or "", "regex")
        return _sorted(_filtered(found, pattern), int(document.get("sort") or 0))
    if kind in ("custom", "interval"):
        options = _listed(scope.fill(query or ""))
        if kind == "interval" and document.get("auto"):
            options.insert(0, ("auto", _auto(document, end - start)))
        return options
    if kind in ("textbox", "constant"):
        written_value = (document.get("current") or {}).get("value") if kind == "textbox" else None
        value = str(query or "") if written_value is None else str(written_value)
        return [(value, value)]
    raise NotImplementedError(f"variable {document['name']!r} of type {kind!r}")


def _queried(query: str, name: str, prometheus: Prometheus, start: float, end: float) -> list[str]:
    if match := LABEL_VALUES.match(query):
        return prometheus.label_values(match[2], (match[1] or "").strip(), start, end)
    if match := QUERY_RESULT.match(query):
        data = prometheus.instant(match[1], end)
        if data["resultType"] == "scalar":
            return [data["result"][1]]
        return [_result_text(each) for each in data["result"]]
    if LABEL_NAMES.match(query):
        return prometheus.label_names(start, end)
    if match := METRICS.match(query):
        return [each for each in prometheus.label_values("__name__", "", start, end) if re.search(match[1], each)]
    raise NotImplementedError(f"variable {name!r} with the query {query!r}")


def _result_text(series: dict[str, Any]) -> str:
    labels = dict(series["metric"])
    metric = labels.pop("__name__", "")
    inner = format_labels(labels).replace('", ', '",') or "{}"
    time, value = series["value"]
    return f"{metric}{inner} {value} {round(time * 1000)}"


def _listed(query: str) -> list[Option]:
    """Return the values of a list: separated by commas, each plain or as `text : value`."""
    options = []
    for part in re.findall(r"(?:\\,|[^,])+", query):
        text, found, value = part.replace("\\,", ",").strip().partition(" : ")
        options.append((text.strip(), value.strip() if found else text.strip()))
    return options


def _auto(document: dict[str, Any], seconds: float) -> str:
    least = seconds_of(document.get("auto_min") or "10s")
    return written(max(nice(seconds / float(document.get("auto_count") or 30)), least))


def _filtered(values: list[str], pattern: str) -> list[Option]:
    """Return texts and values that a pattern leaves: named groups, else its first group, else the whole value."""
    options: dict[str, Option] = {}
    match = re.fullmatch(r"/(.*)/([a-z]*)", pattern, re.DOTALL)
    flags = re.IGNORECASE if match and "i" in match[2] else 0
    regex = re.compile(re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", match[1] if match else pattern), flags)
    for value in values:
        found = regex.search(value) if pattern else None
        if pattern and found is None:
            continue
        option = (value, value)
        if found is not None:
            named = found.groupdict()
            if named.get("value") or named.get("text"):
                option = (named.get("text") or named["value"], named.get("value") or named["text"])
            elif regex.groups and found[1]:
                option = (found[1], found[1])
        options.setdefault(option[1], option)
    return list(options.values())


def _sorted(options: list[Option], order: int) -> list[Option]:
    if order == 0:
        return options

    def number(option: Option) -> float:
        found = re.search(r"[-+]?\d+(\.\d+)?", option[0])
        return float(found[0]) if found else -1.0

    def natural(option: Option) -> list[tuple[int, int, str]]:
        parts = re.split(r"(\d+)", option[0].lower())
        return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part]

    keys: list[Any] = [lambda option: option[0], number, lambda option: option[0].lower(), natural]
    return sorted(options, key=keys[(order - 1) // 2], reverse=order % 2 == 0)


def _chosen(document: dict[str, Any], options: list[Option], choice: str | Sequence[str] | None) -> Value:
    multi, include_all = bool(document.get("multi")), bool(document.get("includeAll"))
    name = document["name"]
    values = [value for _, value in options]
    texts = {value: text for text, value in options}
    if choice is not None:
        wanted = [choice] if isinstance(choice, str) else list(choice)
        wanted = [ALL if each == "All" and include_all else each for each in wanted]
        if document["type"] == "textbox":
            values, texts = wanted, {}
        lacking = [each for each in wanted if each != ALL and each not in values]
        if lacking:
            raise VariableError(f"variable {name!r} has no value {lacking}; it has {values}")
    else:
        wanted = _default(document, values, include_all)
    text = " + ".join("All" if each == ALL else texts.get(each, each) for each in wanted)
    chosen: str | list[str] = wanted if multi else (wanted[0] if wanted else "")
    return Value(
        name=name,
        chosen=ALL if wanted == [ALL] else chosen,
        text=text,
        multi=multi,
        include_all=include_all,
        all_value=document.get("allValue") or "",
        options=values,
        label=document.get("label") or "",
        hidden=document.get("hide") in (2, "hideVariable"),
    )


def _default(document: dict[str, Any], values: list[str], include_all: bool) -> list[str]:
    current = (document.get("current") or {}).get("value")
    kept = [current] if isinstance(current, str) else list(current or [])
    kept = [each for each in kept if each in values or (each == ALL and include_all)]
    if kept:
        return kept
    return [ALL] if include_all else values[:1]
