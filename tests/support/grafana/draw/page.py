"""A dashboard as one picture: title, time range, variables, and every panel in its place."""

from __future__ import annotations

from pathlib import Path

from support.grafana.dashboard import GAP, MARGIN, ROW_HEIGHT, Panel, column_width
from support.grafana.draw import colours, marks
from support.grafana.draw.canvas import Box, Canvas, cut, text_width
from support.grafana.draw.kinds import PAINTERS
from support.grafana.draw.panel import Drawing
from support.grafana.draw.units import iso
from support.grafana.fieldconfig import configured
from support.grafana.layout import Placed
from support.grafana.queries import Ran
from support.grafana.transforms import transformed

HEAD = 48
BAR = 44
TITLE = 32


def draw(ran: Ran, path: Path, *, scale: float = 1.0) -> None:
    """Write the picture of a dashboard whose queries have run."""
    places = ran.placed
    rows = max((place.y + place.h for place in places), default=1)
    shown = [value for value in ran.runner.scope.variables.values() if not value.hidden]
    head = HEAD + (BAR if shown or ran.dashboard.links else 8)
    width = ran.runner.width
    canvas = Canvas(width, head + rows * (ROW_HEIGHT + GAP) - GAP + 2 * MARGIN)
    _head(canvas, ran, width)
    found = marks.times(ran)
    for place in places:
        _panel(canvas, ran, place, head, found)
    canvas.save(path, scale)


def _head(canvas: Canvas, ran: Ran, width: float) -> None:
    canvas.rect(Box(0, 0, width, HEAD), colours.PANEL)
    canvas.line([0, width], [HEAD, HEAD], colours.BORDER, 1)
    start, end = (ran.runner.end - ran.runner.seconds) * 1000, ran.runner.end * 1000
    times = f"{iso(start)} to {iso(end)} UTC"
    canvas.text(width - MARGIN, HEAD / 2, times, 14, align="right")
    room = width - 3 * MARGIN - text_width(times, 14)
    canvas.text(MARGIN, HEAD / 2, ran.dashboard.title, 16, bold=True, width=room)
    x = float(MARGIN)
    for value in ran.runner.scope.variables.values():
        if value.hidden:
            continue
        name, text = value.label or value.name, cut(value.text or "None", 14, 320)
        wide = text_width(name, 12, True) + 20
        canvas.rect(Box(x, HEAD + 10, wide, 32), colours.RAISED, edge=colours.BORDER)
        canvas.text(x + 10, HEAD + 26, name, 12, bold=True)
        box = Box(x + wide, HEAD + 10, text_width(text, 14) + 40, 32)
        canvas.rect(box, colours.PAGE, edge=colours.BORDER)
        canvas.text(box.x + 10, HEAD + 26, text, 14)
        canvas.text(box.right - 18, HEAD + 26, "▾", 12)
        x = box.right + 12
    right = width - MARGIN
    for link in reversed(ran.dashboard.links):
        title = str(link.get("title") or ", ".join(link.get("tags") or []) or "Dashboards")
        box = Box(right - text_width(title, 14) - 24, HEAD + 10, text_width(title, 14) + 24, 32)
        canvas.rect(box, colours.RAISED, edge=colours.BORDER)
        canvas.text(box.x + 12, HEAD + 26, title, 14)
        right = box.x - 8


def _panel(canvas: Canvas, ran: Ran, place: Placed, head: float, found: list[marks.Marks]) -> None:
    panel = place.panel
    unit = column_width(ran.runner.width) + GAP
    box = Box(
        MARGIN + place.x * unit,
        head + MARGIN / 2 + place.y * (ROW_HEIGHT + GAP),
        place.w * unit - GAP,
        place.h * (ROW_HEIGHT + GAP) - GAP,
    )
    scope = ran.runner.scope.with_fixed(panel.scoped)
    title = scope.fill(panel.title, "text")
    if panel.type == "row":
        _row(canvas, box, panel, title, opened=place.opened)
        return
    bare = bool(panel.document.get("transparent"))
    canvas.rect(box, colours.PAGE if bare else colours.PANEL, edge=None if bare else colours.BORDER, radius=2)
    if title or panel.document.get("timeFrom"):
        _title(canvas, box, panel, title)
    inner = box.inside(8, TITLE if title else 8, 8, 8)
    painter = PAINTERS.get(panel.type)
    if painter is None:
        raise NotImplementedError(f"panel {panel.title!r} of type {panel.type!r}")
    frames = transformed(ran.frames(panel), panel.transformations, scope)
    start, end = ran.runner.window(panel)
    columns = configured(panel, frames, scope, ran.runner.end * 1000)
    drawing = Drawing(panel, canvas, inner, frames, columns, scope, start, end, marks.on(found, panel))
    painter(drawing)


def _row(canvas: Canvas, box: Box, panel: Panel, title: str, *, opened: bool) -> None:
    canvas.text(box.x + 4, box.middle[1], ">" if not opened else "v", 16)
    canvas.text(box.x + 22, box.middle[1], title, 16, bold=True, width=box.w - 200)
    if not opened:
        count = len(panel.document.get("panels") or [])
        width = text_width(title, 16, True)
        canvas.text(box.x + 32 + width, box.middle[1], f"({count} panels)", 12, colours.FAINT)


def _title(canvas: Canvas, box: Box, panel: Panel, title: str) -> None:
    own = f"Last {panel.document['timeFrom']}" if panel.document.get("timeFrom") else ""
    own += f" timeshift -{panel.document['timeShift']}" if panel.document.get("timeShift") else ""
    middle = box.y + TITLE / 2
    side = 22 * bool(panel.description) + 22 * bool(panel.links) + (text_width(own, 12) + 8 if own else 0)
    room = box.w - 16 - side
    canvas.text(box.x + 8, middle, title, 14, bold=True, width=room, clip=box)
    x = box.x + 8 + min(text_width(title, 14, True), room) + 8
    if panel.description:
        canvas.wedge((x + 7, middle), 6.5, 0, 360, colours.FAINT, 1)
        canvas.text(x + 7, middle, "i", 10, colours.FAINT, align="center", bold=True)
        x += 22
    if panel.links:
        canvas.text(x, middle, "↗", 14, colours.FAINT, clip=box)
        x += 22
    canvas.text(x, middle, own, 12, colours.FAINT, clip=box)
