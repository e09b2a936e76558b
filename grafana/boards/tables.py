"""Tables: a row for each value of some labels, a column for each query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from boards.colours import GREY, SEVERITIES, steps
from boards.links import to
from boards.panels import Steps, absent, override, panel
from boards.queries import firing, letters, rows
from boards.sdk import build, model

_COLOURED: Final = "color-background-solid"
"""Grafana 9.4 wants ``displayMode``; later ones turn it into ``cellOptions`` where the schema is older than 38."""


@dataclass(frozen=True)
class Label:
    """A label as a column, under another ``title`` if there is one; ``link`` is opened by a click."""

    name: str
    title: str = ""
    link: dict[str, Any] | None = None
    mapping: Any = None
    width: int = 0


@dataclass(frozen=True)
class Column:
    """What a query yields as a column, coloured by ``colours`` or by ``mapping`` if there are any.

    One without a title is not shown: its query adds labels.
    """

    title: str
    expr: str
    unit: str = "short"
    decimals: int | None = None
    colours: Steps = ()
    mapping: Any = None
    width: int = 0


def table(
    title: str,
    says: str,
    cells: Sequence[Label | Column],
    sort: str,
    descending: bool = True,
    none: str = "no data",
    size: tuple[int, int] = (24, 9),
) -> build.Panel:
    """Return a table with ``cells`` from left to right; each query is to yield the labels or fewer."""
    columns = [cell for cell in cells if isinstance(cell, Column)]
    refs = letters(len(columns))
    values = ["Value"] if len(columns) == 1 else [f"Value #{ref}" for ref in refs]
    of_column = dict(zip(map(id, columns), values, strict=True))
    names = [cell.name if isinstance(cell, Label) else of_column[id(cell)] for cell in cells]
    hidden = [name for name, cell in zip(names, cells, strict=True) if isinstance(cell, Column) and not cell.title]
    organized = {
        "excludeByName": dict.fromkeys(["Time", *hidden], True),
        "indexByName": {name: place for place, name in enumerate(names)},
        "renameByName": {name: cell.title for name, cell in zip(names, cells, strict=True) if cell.title},
    }
    made = panel("table", title, says, "none", none, size).mappings([absent("-")])
    made = made.custom({"align": "auto", "displayMode": "auto", "filterable": False, "minWidth": 60})
    made = made.options({"showHeader": True, "footer": {"show": False, "reducer": ["sum"], "fields": ""}})
    for name, cell in zip(names, cells, strict=True):
        if properties := _label(cell) if isinstance(cell, Label) else _column(cell):
            made = made.with_override(*override(cell.title or name, "byName", **properties))
    made = made.transformations(
        [
            model.DataTransformerConfig("merge", options={}),
            model.DataTransformerConfig("organize", options=organized),
            model.DataTransformerConfig(
                "sortBy", options={"fields": {}, "sort": [{"field": sort, "desc": descending}]}
            ),
        ]
    )
    return made.targets([rows(column.expr, ref) for column, ref in zip(columns, refs, strict=True)])


def _label(label: Label) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    if label.link:
        properties["links"] = [label.link]
    if label.mapping:
        properties |= {"mappings": [label.mapping], "custom__displayMode": _COLOURED}
    if label.width:
        properties["custom__width"] = label.width
    return properties


def _column(column: Column) -> dict[str, Any]:
    if not column.title:
        return {}
    properties: dict[str, Any] = {"unit": column.unit}
    if column.decimals is not None:
        properties["decimals"] = column.decimals
    if column.colours or column.mapping:
        shown = [absent("no data"), *([column.mapping] if column.mapping else [])]
        properties |= {
            "custom__displayMode": _COLOURED,
            "mappings": shown,
            "thresholds": steps(*(column.colours or GREY)).build(),
        }
    if column.width:
        properties["custom__width"] = column.width
    return properties


def matrix(
    title: str, says: str, row: str, column: str, expr: str, none: str, size: tuple[int, int]
) -> build.Panel:
    """Return shares as a table with a row for each value of one label and a column for each of another."""
    made = panel("table", title, says, "percentunit", none, size).min(0).max(1).decimals(1)
    made = made.custom({"align": "center", "displayMode": _COLOURED, "filterable": False})
    made = made.color_scheme(build.FieldColor().mode(model.FieldColorModeId.CONTINUOUS_BLUES))
    made = made.mappings([absent("-")]).options({"showHeader": True})
    corner = f"{row}\\{column}"
    made = made.with_override(*override(corner, "byName", custom__displayMode="auto", unit="string"))
    made = made.transformations(
        [
            model.DataTransformerConfig(
                "groupingToMatrix", options={"columnField": column, "rowField": row, "valueField": "Value"}
            ),
            model.DataTransformerConfig(
                "sortBy", options={"fields": {}, "sort": [{"field": corner, "desc": False}]}
            ),
        ]
    )
    return made.targets([rows(expr, "A")])


def alerts(matchers: Sequence[str], columns: Sequence[str], says: str, size: tuple[int, int]) -> build.Panel:
    """Return the alerts that fire, the worst first, with ``columns`` of their labels."""
    fires = firing(*matchers)
    by = ", ".join(("severity", "alertname", *columns))
    since = f"min by ({by}) (1000 * ALERTS_FOR_STATE and ignoring (alertstate) {fires})"
    named = {"model": to("ml-model", model="model")}
    labels = [
        Label("severity", mapping=SEVERITIES, width=90),
        Label("alertname", width=210),
        *(Label(column, link=named.get(column)) for column in columns),
    ]
    return table(
        "Firing alerts",
        says,
        [*labels, Column("since", since, "dateTimeFromNow")],
        "severity",
        descending=False,
        none="no alert fires",
        size=size,
    )
