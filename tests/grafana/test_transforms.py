"""Transformations do to frames what Grafana does; expected values are worked out from its source."""

from __future__ import annotations

import math
from typing import Any

import pytest

from support.grafana.frames import NUMBER, STRING, TIME, Field, Frame, display_name
from support.grafana.interpolation import Scope
from support.grafana.transforms import transformed


def table(ref: str, **columns: list[Any]) -> Frame:
    kinds = {"Time": TIME}
    fields = [
        Field(name.replace("_", " "), kinds.get(name, STRING if isinstance(values[0], str) else NUMBER), values)
        for name, values in columns.items()
    ]
    return Frame(ref, fields)


def rows(frame: Frame) -> list[list[Any]]:
    return [list(row) for row in zip(*(item.values for item in frame.fields), strict=True)]


def names(frame: Frame) -> list[str]:
    return [display_name(item, frame, [frame]) for item in frame.fields]


def apply(frames: list[Frame], *steps: tuple[str, dict[str, Any]]) -> list[Frame]:
    return transformed(frames, [{"id": name, "options": options} for name, options in steps], Scope())


def test_merge_joins_rows_that_agree() -> None:
    left = table("A", Time=[1, 1], feature=["a", "b"], left=[0.1, 0.2])
    right = table("B", Time=[1, 1], feature=["b", "c"], right=[2.0, 3.0])
    (frame,) = apply([left, right], ("merge", {}))
    assert names(frame) == ["Time", "feature", "left", "right"]
    assert rows(frame) == [[1, "a", 0.1, None], [1, "b", 0.2, 2.0], [1, "c", None, 3.0]]


def test_merge_keeps_rows_whose_values_clash() -> None:
    frames = [table("A", feature=["a", "a"], value=[1.0, 2.0]), table("B", feature=["a"], value=[1.0])]
    assert rows(apply(frames, ("merge", {}))[0]) == [["a", 1.0], ["a", 2.0]]


def test_organize() -> None:
    frame = table("A", Time=[1], b=["x"], a=[1.0], c=[2.0])
    options = {
        "excludeByName": {"Time": True, "c": False},
        "indexByName": {"a": 0, "b": 1},
        "renameByName": {"a": "A!"},
    }
    (made,) = apply([frame], ("organize", options))
    assert names(made) == ["A!", "b", "c"]
    assert [item.name for item in made.fields] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("outer", [["a", 1.0, None], ["b", 2.0, 20.0], ["c", None, 30.0]]),
        ("inner", [["b", 2.0, 20.0]]),
        ("outerTabular", [["a", 1.0, None], ["b", 2.0, 20.0], ["c", None, 30.0]]),
    ],
)
def test_join_by_field(mode: str, expected: list[list[Any]]) -> None:
    frames = [table("A", k=["a", "b"], x=[1.0, 2.0]), table("B", k=["b", "c"], y=[20.0, 30.0])]
    assert rows(apply(frames, ("joinByField", {"byField": "k", "mode": mode}))[0]) == expected


def test_series_become_columns_over_time() -> None:
    frames = [
        Frame("A", [Field("Time", TIME, times), Field("Value", NUMBER, values, {"f": name})])
        for name, times, values in (("x", [1, 2], [1.0, 2.0]), ("y", [2, 3], [5.0, 6.0]))
    ]
    (frame,) = apply(frames, ("seriesToColumns", {}))
    assert names(frame) == ["Time", "x", "y"]
    assert rows(frame) == [[1, 1.0, None], [2, 2.0, 5.0], [3, None, 6.0]]


def test_sort_and_limit() -> None:
    frame = table("A", k=["f10", "f9", "f1"], x=[2.0, None, 5.0])
    down = ("sortBy", {"sort": [{"field": "x", "desc": True}]})
    assert rows(apply([frame], down)[0]) == [["f1", 5.0], ["f10", 2.0], ["f9", None]]
    natural = ("sortBy", {"sort": [{"field": "k"}]})
    assert rows(apply([frame], natural, ("limit", {"limitField": 2}))[0]) == [["f1", 5.0], ["f9", None]]


def test_filters() -> None:
    frame = table("A", Time=[1, 1, 1], PSI_A=[0.1, 0.5, None], PSI_B=[1.0, 2.0, 3.0])
    kept = apply(
        [frame], ("filterFieldsByName", {"include": {"pattern": "/^PSI/"}, "exclude": {"names": ["PSI B"]}})
    )
    assert names(kept[0]) == ["PSI A"]
    test = {"fieldName": "PSI A", "config": {"id": "greater", "options": {"value": 0.2}}}
    assert rows(apply([frame], ("filterByValue", {"filters": [test], "type": "include"}))[0]) == [[1, 0.5, 2.0]]
    assert len(apply([frame], ("filterByValue", {"filters": [test], "type": "exclude"}))[0]) == 2
    assert [each.ref for each in apply([frame, table("B", x=[1.0])], ("filterByRefId", {"include": "B"}))] == ["B"]


def test_reduce() -> None:
    frames = [
        Frame("A", [Field("Time", TIME, [1, 2, 3]), Field("Value", NUMBER, values, {"f": name})])
        for name, values in (("x", [1.0, 3.0, math.nan]), ("y", [5.0, 4.0, 6.0]))
    ]
    (frame,) = apply(frames, ("reduce", {"reducers": ["lastNotNull", "max", "sum"]}))
    assert names(frame) == ["Field", "Last *", "Max", "Total"]
    assert rows(frame) == [["x", 3.0, 3.0, 4.0], ["y", 6.0, 6.0, 15.0]]
    (labelled,) = apply(frames, ("reduce", {"reducers": ["min"], "labelsToFields": True}))
    assert rows(labelled) == [["Value", "x", 1.0], ["Value", "y", 4.0]]
    first, _ = apply(frames, ("reduce", {"reducers": ["mean"], "mode": "reduceFields"}))
    assert first.fields[0].values == [2.0]


def test_labels_and_matrices() -> None:
    frames = [
        Frame("A", [Field("Time", TIME, [1]), Field("Value", NUMBER, [value], {"f": name, "m": measure})])
        for name, measure, value in (("x", "psi", 0.1), ("x", "js", 0.2), ("y", "psi", 0.3))
    ]
    (flat,) = apply(frames, ("labelsToFields", {}))
    assert names(flat) == ["Time", "f", "m", "Value"]
    (wide,) = apply(frames, ("labelsToFields", {}), ("groupingToMatrix", {"rowField": "f", "columnField": "m"}))
    assert names(wide) == ["f\\m", "psi", "js"]
    assert rows(wide) == [["x", 0.1, 0.2], ["y", 0.3, ""]]
    (labelled,) = apply(frames, ("labelsToFields", {"valueLabel": "m"}))
    assert names(labelled) == ["Time", "f", "psi", "js"]


def test_group_and_rows_to_fields() -> None:
    frame = table("A", f=["x", "x", "y"], v=[1.0, 3.0, 5.0])
    fields = {"f": {"operation": "groupby"}, "v": {"operation": "aggregate", "aggregations": ["mean", "count"]}}
    (grouped,) = apply([frame], ("groupBy", {"fields": fields}))
    assert names(grouped) == ["f", "v (mean)", "v (count)"]
    assert rows(grouped) == [["x", 2.0, 2], ["y", 5.0, 1]]
    (turned,) = apply([table("A", f=["x", "y"], v=[1.0, 5.0])], ("rowsToFields", {}))
    assert [(item.name, item.values) for item in turned.fields] == [("x", [1.0]), ("y", [5.0])]


@pytest.mark.parametrize(
    ("options", "name", "expected"),
    [
        ({"mode": "binary", "binary": {"left": "a", "operator": "-", "right": "b"}}, "a - b", [-1.0, None]),
        ({"mode": "binary", "binary": {"left": "a", "operator": "/", "right": "2"}}, "a / 2", [0.5, 2.0]),
        (
            {
                "mode": "binary",
                "alias": "twice",
                "binary": {
                    "left": {"matcher": {"id": "byName", "options": "a"}},
                    "operator": "*",
                    "right": {"fixed": "2"},
                },
            },
            "twice",
            [2.0, 8.0],
        ),
        ({"mode": "reduceRow", "reduce": {"reducer": "sum"}}, "Total", [3.0, 4.0]),
        ({"mode": "reduceRow", "reduce": {"reducer": "max", "include": ["a"]}}, "Max", [1.0, 4.0]),
    ],
)
def test_calculated_fields(options: dict[str, Any], name: str, expected: list[float]) -> None:
    (frame,) = apply([table("A", a=[1.0, 4.0], b=[2.0, None])], ("calculateField", options))
    assert (frame.fields[-1].name, frame.fields[-1].values) == (name, expected)


def test_names_rewritten_by_regex() -> None:
    (frame,) = apply(
        [table("A", psi_temp=[1.0])], ("renameByRegex", {"regex": "psi (.*)", "renamePattern": "PSI of $1"})
    )
    assert names(frame) == ["PSI of temp"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("partitionByValues", {}, "'partitionByValues'"),
        ("organize", {"surprise": 1}, r"'organize' with \['surprise'\]"),
        ("labelsToFields", {"mode": "rows"}, "'labelsToFields' with the mode 'rows'"),
        ("calculateField", {"mode": "window"}, "'calculateField' with the mode 'window'"),
        ("reduce", {"reducers": ["surprise"]}, "calculation 'surprise'"),
        ("filterFieldsByName", {"surprise": True}, r"'filterFieldsByName' with \['surprise'\]"),
    ],
)
def test_what_is_not_known_is_named(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(NotImplementedError, match=message):
        apply([table("A", a=[1.0])], (name, options))
