"""Where panels stand: repeated panels copied, rows opened, and no gap above a panel, as Grafana's grid has it."""

from __future__ import annotations

from dataclasses import dataclass

from support.grafana.dashboard import COLUMNS, Dashboard, Panel
from support.grafana.interpolation import Scope


@dataclass
class Placed:
    """A panel and its place on the grid."""

    panel: Panel
    x: int
    y: int
    w: int
    h: int
    opened: bool = True

    def beside(self, other: Placed) -> bool:
        """Return whether two panels share a column."""
        return self.x < other.x + other.w and other.x < self.x + self.w


def placed(dashboard: Dashboard, scope: Scope, *, expand: bool) -> list[Placed]:
    """Return all visible panels of a dashboard; `expand` opens collapsed rows."""
    places: list[Placed] = []
    for row, panels in _sections(dashboard):
        opened = row is None or not row.collapsed or expand
        for fixed in _fixed(row, scope):
            floor = max((each.y + each.h for each in places), default=0)
            if row is not None:
                places.append(Placed(row.copied(**fixed) if fixed else row, 0, floor, COLUMNS, 1, opened))
                floor += 1
            if opened:
                copies = [panel.copied(**fixed) for panel in panels] if fixed else panels
                places += _risen(_repeated(copies, scope), floor)
    return places


def _sections(dashboard: Dashboard) -> list[tuple[Panel | None, list[Panel]]]:
    """Return rows with their panels, in order; the panels before the first row have none."""
    sections: list[tuple[Panel | None, list[Panel]]] = [(None, [])]
    for panel in dashboard.top:
        if panel.type != "row":
            sections[-1][1].append(panel)
            continue
        inner = [Panel(each, row=panel) for each in panel.document.get("panels") or []]
        sections.append((panel, sorted(inner, key=lambda each: (each.grid["y"], each.grid["x"]))))
    return sections


def _fixed(panel: Panel | None, scope: Scope) -> list[dict[str, str]]:
    """Return what each copy of a repeated panel fixes; one empty entry where nothing is repeated."""
    name = panel.document.get("repeat") if panel is not None else None
    if not name or name not in scope.variables:
        return [{}]
    values = scope.variables[name].values
    return [{name: value} for value in ([values] if isinstance(values, str) else values)] or [{}]


def _repeated(panels: list[Panel], scope: Scope) -> list[Placed]:
    places: list[Placed] = []
    lower = 0
    for panel in panels:
        grid = panel.grid
        copies = _fixed(panel, scope)
        if copies == [{}]:
            places.append(Placed(panel, grid["x"], grid["y"] + lower, grid["w"], grid["h"]))
            continue
        down = panel.document.get("repeatDirection") == "v"
        across = 1 if down else min(len(copies), int(panel.document.get("maxPerRow") or 4))
        width = grid["w"] if down else COLUMNS // across
        for index, fixed in enumerate(copies):
            line, column = divmod(index, across)
            x = grid["x"] if down else column * width
            places.append(Placed(panel.copied(**fixed), x, grid["y"] + lower + line * grid["h"], width, grid["h"]))
        lower += ((len(copies) - 1) // across) * grid["h"]
    return places


def _risen(places: list[Placed], floor: int) -> list[Placed]:
    """Move panels up until they touch the floor or the panel above."""
    done: list[Placed] = []
    for place in sorted(places, key=lambda each: (each.y, each.x)):
        place.y = max((each.y + each.h for each in done if each.beside(place)), default=floor)
        done.append(place)
    return done
