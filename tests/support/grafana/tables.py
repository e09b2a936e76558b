"""Transformations that join, sort and filter rows."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from support.grafana.frames import NUMBER, STRING, TIME, Field, Frame, display_name, is_number, kind_of
from support.grafana.options import Options, allowed
from support.grafana.reducers import CALCULATIONS

Frames = list[Frame]
Row = dict[str, Any]


def rows_of(frame: Frame) -> list[Row]:
    """Return the rows of a frame by field name."""
    return [{item.name: item.values[index] for item in frame.fields} for index in range(len(frame))]


def keep_rows(frame: Frame, indices: list[int]) -> None:
    """Leave some rows, in the order given."""
    for item in frame.fields:
        item.values = [item.values[index] for index in indices]


def find(frame: Frame, frames: Frames, name: str) -> Field | None:
    """Return the field of a name."""
    shown = (item for item in frame.fields if name in (item.name, display_name(item, frame, frames)))
    return next(shown, None)


def merge(frames: Frames, options: Options) -> Frames:
    """Make one table; rows that agree in all fields that every frame has become one, unless their values clash."""
    allowed("merge", options)
    data = [frame for frame in frames if frame.fields]
    if len(frames) < 2 or not data:
        return frames[:1] if frames and not data else frames
    fields: dict[str, Field] = {}
    for frame in data:
        for item in frame.fields:
            config = {key: value for key, value in item.config.items() if key != "displayName"}
            fields.setdefault(item.name, Field(item.name, item.kind, [], config=config))
    keys = [name for name in fields if all(any(item.name == name for item in frame.fields) for frame in data)]
    if not keys:
        return frames
    groups: dict[tuple[Any, ...], list[Row]] = {}
    rows: list[Row] = []
    for frame in data:
        for row in rows_of(frame):
            same = groups.setdefault(tuple(row[key] for key in keys), [])
            matching = [old for old in same if all(old.get(key) in (None, value) for key, value in row.items())]
            for old in matching:
                old.update(row)
            if not matching:
                same.append(row)
                rows.append(row)
    for name, item in fields.items():
        item.values = [row.get(name) for row in rows]
    return [Frame(data[0].ref, list(fields.values()))]


def join_by_field(frames: Frames, options: Options) -> Frames:
    """Join frames by a field."""
    allowed("joinByField", options, "byField", "mode")
    if len(frames) < 2:
        return frames
    mode = options.get("mode") or "outer"
    joins = []
    for frame in frames:
        key = find(frame, frames, options["byField"]) if options.get("byField") else frame.time
        if key is not None:
            joins.append((frame, key))
    if not joins:
        return frames
    if mode == "outer":
        wanted = _unique_keys(joins)
    elif mode in ("inner", "outerTabular"):
        return [_tabular(joins, inner=mode == "inner")]
    else:
        raise NotImplementedError(f"transformation 'joinByField' with the mode {mode!r}")
    first = joins[0][1]
    fields = [Field(first.name, first.kind, wanted, first.labels, first.config)]
    for frame, key in joins:
        index = {value: place for place, value in enumerate(key.values)}
        for item in frame.fields:
            if item is not key:
                item.values = [item.values[index[value]] if value in index else None for value in wanted]
                fields.append(item)
    return [Frame(joins[0][0].ref, fields)]


def _unique_keys(joins: list[tuple[Frame, Field]]) -> list[Any]:
    values = list(dict.fromkeys(value for _, key in joins for value in key.values))
    return sorted(values) if joins[0][1].kind in (TIME, NUMBER) else values


def _tabular(joins: list[tuple[Frame, Field]], *, inner: bool) -> Frame:
    """Join tables whose key may repeat."""
    table: list[tuple[Any, list[Any]]] = [(value, []) for value in dict.fromkeys(joins[0][1].values)]
    width = 0
    fields = [Field(joins[0][1].name, joins[0][1].kind, [], config=joins[0][1].config)]
    for frame, key in joins:
        others = [item for item in frame.fields if item is not key]
        fields += others
        seen = {value for value, _ in table}
        if not inner:
            table += [(value, [None] * width) for value in dict.fromkeys(key.values) if value not in seen]
        joined = []
        for value, cells in table:
            places = [place for place, other in enumerate(key.values) if other == value]
            joined += [(value, [*cells, *(item.values[place] for item in others)]) for place in places]
            if not places and not inner:
                joined.append((value, cells + [None] * len(others)))
        table, width = joined, width + len(others)
    fields[0].values = [value for value, _ in table]
    for column, item in enumerate(fields[1:]):
        item.values = [cells[column] for _, cells in table]
    return Frame(joins[0][0].ref, fields)


def series_to_columns(frames: Frames, options: Options) -> Frames:
    """Join by a field, under its older name."""
    allowed("seriesToColumns", options, "byField", "mode")
    return join_by_field(frames, options)


def compare(left: Any, right: Any) -> int:
    """Order values as Grafana does: nothing first, numbers by size, text by its letters and the numbers in it."""
    if left is None or right is None:
        return (left is not None) - (right is not None)
    if is_number(left) and is_number(right):
        return (left > right) - (left < right)

    def natural(value: Any) -> list[tuple[int, int, str]]:
        parts = re.split(r"(\d+)", str(value).lower())
        return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part]

    return (natural(left) > natural(right)) - (natural(left) < natural(right))


def sort_by(frames: Frames, options: Options) -> Frames:
    """Sort rows by one field."""
    allowed("sortBy", options, "fields", "sort")
    for order in options.get("sort") or []:
        for frame in frames:
            item = find(frame, frames, order["field"])
            if item is not None:
                sorted_rows(frame, item, descending=bool(order.get("desc")))
    return frames


def sorted_rows(frame: Frame, item: Field, *, descending: bool) -> None:
    """Sort the rows of a frame by a field."""
    key = functools.cmp_to_key(compare)
    order = sorted(range(len(frame)), key=lambda index: key(item.values[index]), reverse=descending)
    keep_rows(frame, order)


def limit(frames: Frames, options: Options) -> Frames:
    """Leave the first rows."""
    allowed("limit", options, "limitField", "limitAt")
    most = int(options.get("limitField") if options.get("limitField") not in (None, "") else 10)
    for frame in frames:
        indices = list(range(len(frame)))
        keep_rows(frame, indices[-most:] if options.get("limitAt") == "end" and most else indices[:most])
    return frames


TESTS: dict[str, Callable[[Any, Options], bool]] = {
    "isNull": lambda value, options: value is None,
    "isNotNull": lambda value, options: value is not None,
    "equal": lambda value, options: value == options.get("value") or str(value) == str(options.get("value")),
    "notEqual": lambda value, options: str(value) != str(options.get("value")),
    "greater": lambda value, options: is_number(value) and value > float(options["value"]),
    "greaterOrEqual": lambda value, options: is_number(value) and value >= float(options["value"]),
    "lower": lambda value, options: is_number(value) and value < float(options["value"]),
    "lowerOrEqual": lambda value, options: is_number(value) and value <= float(options["value"]),
    "between": lambda value, options: is_number(value) and float(options["from"]) < value < float(options["to"]),
    "regex": lambda value, options: bool(re.search(str(options["value"]), str(value))),
    "substring": lambda value, options: str(options["value"]).lower() in str(value).lower(),
    "notSubstring": lambda value, options: str(options["value"]).lower() not in str(value).lower(),
}


def filter_by_value(frames: Frames, options: Options) -> Frames:
    """Keep or drop rows whose values pass tests."""
    allowed("filterByValue", options, "filters", "match", "type")
    filters = options.get("filters") or []
    for frame in frames:
        tests = []
        for each in filters:
            kind, item = each["config"]["id"], find(frame, frames, each["fieldName"])
            if kind not in TESTS:
                raise NotImplementedError(f"transformation 'filterByValue' with the test {kind!r}")
            if item is not None:
                tests.append((item, TESTS[kind], each["config"].get("options") or {}))
        if not tests:
            continue
        judge = all if options.get("match") == "all" else any
        keep = options.get("type", "include") == "include"
        passed = [judge(test(item.values[row], given) for item, test, given in tests) for row in range(len(frame))]
        keep_rows(frame, [row for row, found in enumerate(passed) if found == keep])
    return frames


def group_by(frames: Frames, options: Options) -> Frames:
    """Group rows and calculate over each group."""
    allowed("groupBy", options, "fields")
    chosen = options.get("fields") or {}
    made = []
    for frame in frames:
        shown = {id(item): display_name(item, frame, frames) for item in frame.fields}
        keys = [item for item in frame.fields if chosen.get(shown[id(item)], {}).get("operation") == "groupby"]
        if not keys:
            continue
        groups: dict[tuple[Any, ...], list[int]] = {}
        for row in range(len(frame)):
            groups.setdefault(tuple(item.values[row] for item in keys), []).append(row)
        fields = [
            Field(item.name, item.kind, [item.values[rows[0]] for rows in groups.values()], config=item.config)
            for item in keys
        ]
        for item in frame.fields:
            wanted = chosen.get(shown[id(item)], {})
            if wanted.get("operation") != "aggregate":
                continue
            for name in wanted.get("aggregations") or []:
                if name not in CALCULATIONS:
                    raise NotImplementedError(f"calculation {name!r}")
                values = [CALCULATIONS[name]([item.values[row] for row in rows]) for rows in groups.values()]
                fields.append(Field(f"{shown[id(item)]} ({name})", kind_of(values) if values else STRING, values))
        made.append(Frame(frame.ref, fields))
    return made
