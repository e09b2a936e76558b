"""A dashboard from its parts, as the JSON that Grafana 9.4 to 13 reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from boards import links
from boards.sdk import JSONEncoder, build, model

SCHEMA: Final = 37
"""That of Grafana 9.4; later ones bring a document up to their own."""

_UNUSED: Final = {"allowCustomValue", "auto", "auto_count", "auto_min", "placement", "repeatDirection"}


@dataclass(frozen=True)
class Row:
    """Details under a heading that a click unfolds."""

    title: str
    panels: Sequence[build.Panel]


@dataclass(frozen=True)
class Board:
    """A dashboard: ``panels`` answer its question at once, ``rows`` hold the details."""

    uid: str
    title: str
    description: str
    variables: Sequence[Any]
    panels: Sequence[build.Panel]
    rows: Sequence[Row] = ()
    annotations: Sequence[Any] = field(default_factory=tuple)
    span: str = "now-24h"

    def as_text(self) -> str:
        """Return the document."""
        made = build.Dashboard(self.title).uid(self.uid).description(self.description)
        made = made.tags([links.TAG]).readonly().timezone("browser").time(self.span, "now").refresh("1m")
        made = made.tooltip(model.DashboardCursorSync.CROSSHAIR).link(links.header())
        for variable in self.variables:
            made = made.with_variable(variable)
        for annotation in self.annotations:
            made = made.annotation(annotation)
        for each in self.panels:
            made = made.with_panel(each)
        for row in self.rows:
            folded = build.Row(row.title).collapsed(True)
            for each in row.panels:
                folded = folded.with_panel(each)
            made = made.with_row(folded)
        document = made.build()
        document.schema_version = SCHEMA
        return _as_text(document)


def _as_text(document: model.Dashboard) -> str:
    plain = _without_defaults(json.loads(json.dumps(document, cls=JSONEncoder)))
    plain["id"] = None
    plain["annotations"].setdefault("list", [])
    _close_gaps([panel for panel in plain["panels"] if panel["type"] == "row"])
    every = [inner for outer in plain["panels"] for inner in (outer, *outer.get("panels", ()))]
    for number, each in enumerate(every, 1):
        each["id"] = number
    return json.dumps(plain, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _without_defaults(value: Any) -> Any:
    """Leave out what the SDK always writes: keys of other kinds, and a menu in which links are not seen."""
    if isinstance(value, list):
        return [_without_defaults(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "link":
        return {key: value[key] for key in ("title", "url")}
    return {key: _without_defaults(each) for key, each in value.items() if key not in _UNUSED}


def _close_gaps(folded: list[dict[str, Any]]) -> None:
    """Put folded rows below each other, as Grafana saves them: the SDK leaves room for what they hold."""
    for place, row in enumerate(folded):
        spare = row["gridPos"]["y"] - folded[0]["gridPos"]["y"] - place
        for each in (row, *row["panels"]):
            each["gridPos"]["y"] -= spare
