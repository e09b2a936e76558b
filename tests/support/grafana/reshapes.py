"""Transformations that turn labels, rows and series into fields and back."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from support.grafana.frames import NUMBER, STRING, TIME, Field, Frame, display_name, is_number, kind_of
from support.grafana.matchers import matcher, not_time
from support.grafana.options import Options, allowed
from support.grafana.reducers import CALCULATIONS, NAMES, reduced
from support.grafana.tables import Frames, find, join_by_field, merge

OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def labels_to_fields(frames: Frames, options: Options) -> Frames:
    """Turn labels into columns of text."""
    allowed("labelsToFields", options, "mode", "keepLabels", "valueLabel")
    if options.get("mode") == "rows":
        raise NotImplementedError("transformation 'labelsToFields' with the mode 'rows'")
    wanted = options.get("keepLabels")
    made = []
    for frame in frames:
        fields = []
        for item in frame.fields:
            name = item.name
            for label, value in item.labels.items():
                if options.get("valueLabel") == label:
                    name = value
                elif not wanted or label in wanted:
                    fields.append(Field(label, STRING, [value] * len(frame)))
            config = dict(item.config)
            if item.labels:
                for key in ("displayName", "displayNameFromDS"):
                    config.pop(key, None)
            fields.append(Field(name, item.kind, item.values, config=config))
        made.append(Frame(frame.ref, fields))
    return merge(made, {})


def grouping_to_matrix(frames: Frames, options: Options) -> Frames:
    """Turn a list into a matrix."""
    allowed("groupingToMatrix", options, "columnField", "rowField", "valueField", "emptyValue")
    if len(frames) != 1:
        return frames
    frame = frames[0]
    column_name, row_name = options.get("columnField") or "Time", options.get("rowField") or "Time"
    found = [find(frame, frames, name) for name in (column_name, row_name, options.get("valueField") or "Value")]
    if None in found:
        return frames
    columns, rows, cells = (item for item in found if item is not None)
    empty = {"null": None, "true": True, "false": False, "zero": 0}.get(options.get("emptyValue") or "empty", "")
    matrix = {
        (row, column): value
        for row, column, value in zip(rows.values, columns.values, cells.values, strict=True)
        if value is not None
    }
    across = list(dict.fromkeys(rows.values))
    fields = [Field(f"{row_name}\\{column_name}", STRING, across)]
    for column in dict.fromkeys(columns.values):
        values = [matrix.get((row, column), empty) for row in across]
        fields.append(Field(str(column), cells.kind, values, config=dict(cells.config)))
    return [Frame(frame.ref, fields)]


def reduce(frames: Frames, options: Options) -> Frames:
    """Reduce every field to one value: a row for each series, or one row in place."""
    allowed("reduce", options, "reducers", "fields", "mode", "includeTimeField", "labelsToFields")
    reducers = options.get("reducers") or []
    if not reducers:
        return frames
    wanted = matcher(options["fields"]) if options.get("fields") else not_time
    for name in reducers:
        if name not in NAMES:
            raise NotImplementedError(f"calculation {name!r}")
    if options.get("mode") == "reduceFields":
        return _reduced_fields(frames, wanted, reducers)
    with_labels = bool(options.get("labelsToFields"))
    labels = list(dict.fromkeys(label for frame in frames for item in frame.fields for label in item.labels))
    columns: dict[str, list[Any]] = {"Field": []}
    columns.update({label: [] for label in labels if with_labels})
    columns.update({NAMES[name]: [] for name in reducers})
    for frame in frames:
        for item in frame.fields:
            if not wanted(item, frame, frames):
                continue
            columns["Field"].append(item.name if with_labels else display_name(item, frame, frames))
            for label in labels if with_labels else ():
                columns[label].append(item.labels.get(label))
            for name in reducers:
                columns[NAMES[name]].append(reduced(item, name))
    ref = frames[0].ref if frames else ""
    return (
        [Frame(ref, [Field(name, kind_of(values), values) for name, values in columns.items()])] if frames else []
    )


def _reduced_fields(frames: Frames, wanted: Any, reducers: list[str]) -> Frames:
    made = []
    for frame in frames:
        fields = []
        for item in frame.fields:
            if wanted(item, frame, frames):
                for name in reducers:
                    labels = {**item.labels, "reducer": NAMES[name]} if len(reducers) > 1 else item.labels
                    value = reduced(item, name)
                    fields.append(Field(item.name, kind_of([value]), [value], labels, dict(item.config)))
        if fields:
            made.append(Frame(frame.ref, fields, frame.name))
    return made


def rows_to_fields(frames: Frames, options: Options) -> Frames:
    """Turn each row into a field: its name from one column, its value from another, labels from the rest."""
    allowed("rowsToFields", options, "mappings")
    handlers = {each["fieldName"]: each.get("handlerKey") for each in options.get("mappings") or []}
    unknown = set(handlers.values()) - {"field.name", "field.value", "field.label", "__ignore", None}
    if unknown:
        raise NotImplementedError(f"transformation 'rowsToFields' with {sorted(map(str, unknown))}")
    made = []
    for frame in frames:
        by = {item.name: handlers.get(item.name) for item in frame.fields}
        name = next((i for i in frame.fields if by[i.name] == "field.name"), None)
        value = next((i for i in frame.fields if by[i.name] == "field.value"), None)
        name = name or next((i for i in frame.fields if i.kind == STRING and by[i.name] is None), None)
        value = value or next((i for i in frame.fields if i.kind == NUMBER and by[i.name] is None), None)
        if name is None or value is None:
            continue
        others = [i for i in frame.fields if i not in (name, value) and by[i.name] in (None, "field.label")]
        others = [item for item in others if item.kind != TIME]
        fields = []
        for row in range(len(frame)):
            labels = {item.name: str(item.values[row]) for item in others}
            fields.append(
                Field(str(name.values[row]), value.kind, [value.values[row]], labels, dict(value.config))
            )
        made.append(Frame(frame.ref, fields))
    return made


def calculate_field(frames: Frames, options: Options) -> Frames:
    """Add a field that is calculated from others."""
    allowed("calculateField", options, "mode", "reduce", "binary", "replaceFields", "alias", "timeSeries")
    mode = options.get("mode") or "reduceRow"
    if mode not in ("reduceRow", "binary"):
        raise NotImplementedError(f"transformation 'calculateField' with the mode {mode!r}")
    fixed = mode == "binary" and _side(options["binary"]["right"], frames)[0] is None
    if options.get("timeSeries") is not False and not fixed and all(frame.time for frame in frames):
        frames = join_by_field(frames, {})
    for frame in frames:
        name, values = _binary(frame, frames, options) if mode == "binary" else _row(frame, frames, options)
        if values is None:
            continue
        added = Field(options.get("alias") or name, NUMBER, values)
        if options.get("replaceFields"):
            keep_time = frame.time is not None and options.get("timeSeries") is not False
            frame.fields = ([frame.time] if keep_time and frame.time else []) + [added]
        else:
            frame.fields.append(added)
    return frames


def _row(frame: Frame, frames: Frames, options: Options) -> tuple[str, list[Any]]:
    how = options.get("reduce") or {}
    reducer, names = how.get("reducer") or "sum", set(how.get("include") or [])
    if reducer not in CALCULATIONS:
        raise NotImplementedError(f"calculation {reducer!r}")
    columns = [
        item
        for item in frame.fields
        if ({item.name, display_name(item, frame, frames)} & names if names else item.kind == NUMBER)
    ]
    rows = ([item.values[row] for item in columns] for row in range(len(frame)))
    return NAMES[reducer], [CALCULATIONS[reducer](row) for row in rows]


def _side(value: Any, frames: Frames) -> tuple[str | None, str]:
    """Return the name of a field, or None, and the text of a number."""
    if isinstance(value, dict):
        if value.get("matcher", {}).get("id") == "byName":
            return value["matcher"]["options"], ""
        if value.get("matcher"):
            raise NotImplementedError(
                f"transformation 'calculateField' with the matcher {value['matcher']['id']!r}"
            )
        return None, str(value.get("fixed", ""))
    named = any(find(frame, frames, str(value)) for frame in frames)
    try:
        float(value)
    except ValueError:
        named = True
    return (str(value), "") if named else (None, str(value))


def _binary(frame: Frame, frames: Frames, options: Options) -> tuple[str, list[Any] | None]:
    how = options["binary"]
    sign = how.get("operator") or "+"
    if sign not in OPERATORS:
        raise NotImplementedError(f"transformation 'calculateField' with the operator {sign!r}")
    sides: list[list[Any]] = []
    names = []
    for side in ("left", "right"):
        name, fixed = _side(how[side], frames)
        names.append(name or fixed)
        item = find(frame, frames, name) if name is not None else None
        if name is not None and item is None:
            return "", None
        sides.append(item.values if item is not None else [float(fixed)] * len(frame))
    values = []
    for left, right in zip(*sides, strict=True):
        usable = is_number(left) and is_number(right) and not (sign == "/" and right == 0)
        values.append(OPERATORS[sign](left, right) if usable else None)
    return f"{names[0]} {sign} {names[1]}", values
