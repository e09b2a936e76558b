"""A classic dashboard document: panels, variables, annotations, links and time range."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2592000, "y": 31536000}
COLUMNS = 24
GAP = 8
MARGIN = 16
ROW_HEIGHT = 30


def seconds_of(text: str) -> float:
    """Return a duration such as `15s`, `1h30m` or `500ms`, or the distance in `now-6h`."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhdwMy])", text.removeprefix("now-").removeprefix("now"))
    if not parts and not re.fullmatch(r"now|\d+(\.\d+)?", text):
        raise ValueError(f"not a duration: {text!r}")
    return sum(float(number) * (0.001 if unit == "ms" else UNITS[unit]) for number, unit in parts)


@dataclass
class Panel:
    """A panel, with the keys of its document; `scoped` are the variables that a repeated panel fixes."""

    document: dict[str, Any]
    row: Panel | None = None
    scoped: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> int:
        return int(self.document.get("id") or 0)

    @property
    def type(self) -> str:
        return str(self.document["type"])

    @property
    def title(self) -> str:
        return str(self.document.get("title") or "")

    @property
    def description(self) -> str:
        return str(self.document.get("description") or "")

    @property
    def grid(self) -> dict[str, int]:
        return {"x": 0, "y": 0, "w": 12, "h": 8, **(self.document.get("gridPos") or {})}

    @property
    def targets(self) -> list[dict[str, Any]]:
        return list(self.document.get("targets") or [])

    @property
    def field_config(self) -> dict[str, Any]:
        return dict(self.document.get("fieldConfig") or {})

    @property
    def defaults(self) -> dict[str, Any]:
        return dict(self.field_config.get("defaults") or {})

    @property
    def overrides(self) -> list[dict[str, Any]]:
        return list(self.field_config.get("overrides") or [])

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.document.get("options") or {})

    @property
    def transformations(self) -> list[dict[str, Any]]:
        return list(self.document.get("transformations") or [])

    @property
    def links(self) -> list[dict[str, Any]]:
        return list(self.document.get("links") or [])

    @property
    def collapsed(self) -> bool:
        return self.type == "row" and bool(self.document.get("collapsed"))

    def copied(self, **scoped: str) -> Panel:
        """Return a copy that fixes variables."""
        return Panel(copy.deepcopy(self.document), self.row, {**self.scoped, **scoped})


@dataclass
class Dashboard:
    """A dashboard, with the keys of its document."""

    document: dict[str, Any]
    path: Path | None = None

    @property
    def uid(self) -> str:
        return str(self.document.get("uid") or (self.path.stem if self.path else ""))

    @property
    def title(self) -> str:
        return str(self.document.get("title") or "")

    @property
    def variables(self) -> list[dict[str, Any]]:
        return list((self.document.get("templating") or {}).get("list") or [])

    @property
    def annotations(self) -> list[dict[str, Any]]:
        return list((self.document.get("annotations") or {}).get("list") or [])

    @property
    def links(self) -> list[dict[str, Any]]:
        return list(self.document.get("links") or [])

    @property
    def seconds(self) -> float:
        """The distance between start and end of the default time range."""
        times = self.document.get("time") or {}
        return seconds_of(times.get("from") or "now-6h") - seconds_of(times.get("to") or "now")

    @property
    def top(self) -> list[Panel]:
        """The panels of the first level, in the order of the grid."""
        panels = [Panel(each) for each in self.document.get("panels") or []]
        return sorted(panels, key=lambda panel: (panel.grid["y"], panel.grid["x"]))

    def panels(self) -> Iterator[Panel]:
        """Yield all panels flat: a row, then what it holds when it is collapsed."""
        for panel in self.top:
            yield panel
            for inner in panel.document.get("panels") or []:
                yield Panel(inner, row=panel)


def load(path: Path) -> Dashboard:
    """Read a dashboard; one wrapped for Grafana's API is unwrapped."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return Dashboard(document.get("dashboard", document), path)


def column_width(width: float) -> float:
    """Return the width of one grid column in pixels."""
    return (width - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS


def panel_width(panel: Panel, width: float) -> float:
    """Return the width of a panel in pixels."""
    return panel.grid["w"] * (column_width(width) + GAP) - GAP
