"""Transformations of a panel, applied in order; one that is not known here raises its name."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from typing import Any

from support.grafana import reshapes, tables
from support.grafana.frames import Frame, display_name
from support.grafana.interpolation import Scope
from support.grafana.matchers import js_regex, js_replacement, matcher, named
from support.grafana.options import Options, allowed

Frames = list[Frame]


def transformed(frames: Sequence[Frame], documents: Sequence[dict[str, Any]], scope: Scope) -> Frames:
    """Return frames after all transformations that are not disabled."""
    frames = copy.deepcopy(list(frames))
    for document in documents:
        if document.get("disabled"):
            continue
        name, options = document["id"], _filled(document.get("options") or {}, scope)
        apply = TRANSFORMATIONS.get(name)
        if apply is None:
            raise NotImplementedError(f"transformation {name!r}")
        wanted = matcher(document["filter"]) if document.get("filter") else None
        inside = [frame for frame in frames if wanted is None or wanted(frame.fields[0], frame, frames)]
        outside = [frame for frame in frames if frame not in inside]
        frames = outside + apply(inside, options)
    return frames


def _filled(value: Any, scope: Scope) -> Any:
    if isinstance(value, str):
        return scope.fill(value)
    if isinstance(value, dict):
        return {key: _filled(each, scope) for key, each in value.items()}
    return [_filled(each, scope) for each in value] if isinstance(value, list) else value


def organize(frames: Frames, options: Options) -> Frames:
    """Drop, order and rename fields."""
    allowed("organize", options, "excludeByName", "includeByName", "indexByName", "renameByName", "orderByMode")
    excluded = {name for name, out in (options.get("excludeByName") or {}).items() if out}
    included = {name for name, inside in (options.get("includeByName") or {}).items() if inside}
    order, names = options.get("indexByName") or {}, options.get("renameByName") or {}
    for frame in frames:
        shown = {id(item): display_name(item, frame, frames) for item in frame.fields}
        kept = [item for item in frame.fields if not excluded & {item.name, shown[id(item)]}]
        if included:
            kept = [item for item in kept if included & {item.name, shown[id(item)]}]
        if order:
            kept.sort(key=lambda item: order.get(shown[id(item)], len(order) + len(frame.fields)))
        frame.fields = kept
        for item in kept:
            if new := names.get(shown[id(item)]):
                item.config["displayName"] = new
    return frames


def filter_fields(frames: Frames, options: Options) -> Frames:
    """Keep fields by name or pattern."""
    allowed("filterFieldsByName", options, "include", "exclude", "byVariable")
    include, exclude = options.get("include") or {}, options.get("exclude") or {}

    def listed(choice: Options, names: set[str]) -> bool:
        pattern = choice.get("pattern")
        return bool(names & set(choice.get("names") or [])) or bool(
            pattern and any(js_regex(pattern).search(name) for name in names)
        )

    for frame in frames:
        frame.fields = [
            item
            for item in frame.fields
            if (not include or listed(include, named(item, frame, frames)))
            and not (exclude and listed(exclude, named(item, frame, frames)))
        ]
    return [frame for frame in frames if frame.fields]


def filter_by_ref(frames: Frames, options: Options) -> Frames:
    """Keep the frames of some queries."""
    allowed("filterByRefId", options, "include", "exclude")
    include, exclude = options.get("include"), options.get("exclude")
    frames = [frame for frame in frames if not include or re.fullmatch(include, frame.ref)]
    return [frame for frame in frames if not (exclude and re.fullmatch(exclude, frame.ref))]


def rename_by_regex(frames: Frames, options: Options) -> Frames:
    """Rewrite display names."""
    allowed("renameByRegex", options, "regex", "renamePattern")
    regex, new = js_regex(options["regex"]), js_replacement(options["renamePattern"])
    for frame in frames:
        for item in frame.fields:
            name = display_name(item, frame, frames)
            if regex.search(name):
                item.config["displayName"] = regex.sub(new, name, count=1)
    return frames


TRANSFORMATIONS: dict[str, Callable[[Frames, Options], Frames]] = {
    "organize": organize,
    "filterFieldsByName": filter_fields,
    "filterByRefId": filter_by_ref,
    "renameByRegex": rename_by_regex,
    "merge": tables.merge,
    "joinByField": tables.join_by_field,
    "seriesToColumns": tables.series_to_columns,
    "sortBy": tables.sort_by,
    "limit": tables.limit,
    "filterByValue": tables.filter_by_value,
    "groupBy": tables.group_by,
    "labelsToFields": reshapes.labels_to_fields,
    "groupingToMatrix": reshapes.grouping_to_matrix,
    "reduce": reshapes.reduce,
    "rowsToFields": reshapes.rows_to_fields,
    "calculateField": reshapes.calculate_field,
}
