"""What every panel type gets to draw itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from support.grafana.dashboard import Panel
from support.grafana.draw.canvas import Box, Canvas
from support.grafana.draw.colours import FAINT
from support.grafana.fieldconfig import Column
from support.grafana.frames import NUMBER, Field, Frame, is_number
from support.grafana.interpolation import Scope
from support.grafana.matchers import js_regex
from support.grafana.reducers import reduced

Mark = tuple[float, str]


@dataclass
class Drawing:
    """A panel with its data, its box and the page; `marks` are times of annotations with their colours."""

    panel: Panel
    canvas: Canvas
    box: Box
    frames: Sequence[Frame]
    columns: list[list[Column]]
    scope: Scope
    start: float
    end: float
    marks: list[Mark] = field(default_factory=list)

    @property
    def options(self) -> dict[str, Any]:
        return self.panel.options

    @property
    def numbers(self) -> list[Column]:
        """The fields with numbers, in order."""
        return [column for columns in self.columns for column in columns if column.field.kind == NUMBER]

    @property
    def visible(self) -> list[Column]:
        """The fields with numbers that the plot shows."""
        return [each for each in self.numbers if not (each.custom.get("hideFrom") or {}).get("viz")]

    def nothing(self) -> None:
        """Write what the panel says when it has no data."""
        text = str(self.panel.defaults.get("noValue") or "No data")
        self.canvas.text(*self.box.middle, text, 18, FAINT, align="center", clip=self.box)

    def values(self) -> list[tuple[Column, Any]]:
        """Return the values that stat, gauge, bar gauge and pie chart show: a field each, or a row each."""
        options = self.options.get("reduceOptions") or {}
        wanted = options.get("fields") or ""
        chosen = self.numbers if not wanted else self._wanted(wanted)
        if options.get("values"):
            most = int(options.get("limit") or 25)
            rows = [(each, value) for each in chosen for value in each.field.values]
            return rows[:most]
        calculations = options.get("calcs") or ["lastNotNull"]
        found = [(each, reduced(each.field, calculations[0])) for each in chosen]
        return found or [(self._lacking(), None)]

    def _lacking(self) -> Column:
        """Return the field that stands for an answer without series."""
        color = self.panel.defaults.get("color") or {"mode": "thresholds"}
        config = {"noValue": "No data", **self.panel.defaults, "color": color}
        item = Field("No data", NUMBER, [], config=config)
        return Column(item, Frame("", [item]), "No data", 0, self.end * 1000, 0.0, 100.0)

    def _wanted(self, pattern: str) -> list[Column]:
        everything = [column for columns in self.columns for column in columns]
        if pattern.startswith("/"):
            return [column for column in everything if js_regex(pattern).search(column.name)]
        return [column for column in everything if column.name == pattern]

    def row_name(self, column: Column, index: int) -> str:
        """Return the text that names a row: of the first column of text, or of the field."""
        texts = [item for item in column.frame.fields if item.kind == "string"]
        return str(texts[0].values[index]) if texts and index < len(texts[0].values) else column.name


def finite(values: Sequence[Any]) -> list[float]:
    """Return the numbers among values."""
    return [value for value in values if is_number(value)]


Painter = Callable[[Drawing], None]
