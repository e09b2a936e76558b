"""Text panels, rows, and the lists that Grafana fills by itself."""

from __future__ import annotations

import re

from support.grafana.draw import colours
from support.grafana.draw.canvas import wrapped
from support.grafana.draw.panel import Drawing


def draw(drawing: Drawing) -> None:
    """Draw a text panel; Markdown and HTML are shown as plain text with headings in bold."""
    content = drawing.scope.fill(str(drawing.options.get("content") or ""))
    if drawing.options.get("mode") == "html":
        content = re.sub(r"<br\s*/?>|</p>|</li>|</div>|</h\d>", "\n", content)
        content = re.sub(r"<[^>]+>", "", content)
    box = drawing.box.inside(4, 0)
    y = box.y + 4
    for paragraph in content.split("\n"):
        size, bold, indent, text = _styled(paragraph)
        if not text:
            y += 8
            continue
        for line in wrapped(plain(text), size, box.w - indent, bold):
            drawing.canvas.text(box.x + indent, y + size * 0.75, line, size, bold=bold, clip=drawing.box)
            y += size * 1.5


def _styled(line: str) -> tuple[float, bool, float, str]:
    if match := re.match(r"(#+)\s+(.*)", line):
        return {1: 24.0, 2: 20.0, 3: 17.0}.get(len(match[1]), 14.0), True, 0, match[2]
    if match := re.match(r"(\s*)(?:[-*]|(\d+)\.)\s+(.*)", line):
        return 14, False, 12 + 6 * len(match[1]), f"{match[2]}. {match[3]}" if match[2] else f"• {match[3]}"
    if re.match(r"\s*\|?[\s:|-]+\|[\s:|-]*$", line):
        return 14, False, 0, ""
    return 14, False, 0, line.strip()


def plain(text: str) -> str:
    """Return Markdown without its marks."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"(\*\*|__|`)(.+?)\1", r"\2", text)
    return re.sub(r"(?<!\w)[*_](\S.*?)[*_](?!\w)", r"\1", text)


def listing(drawing: Drawing) -> None:
    """Draw what Grafana would list in a panel that has no queries."""
    options = drawing.options
    if drawing.panel.type == "alertlist":
        states = sorted(name for name, on in (options.get("stateFilter") or {}).items() if on)
        lines = [
            "Alerts",
            f"filter: {options.get('alertInstanceLabelFilter') or options.get('alertName') or 'all'}",
        ]
        lines += [f"states: {', '.join(states)}"] if states else []
    elif drawing.panel.type == "annolist":
        lines = ["Annotations", f"tags: {', '.join(options.get('tags') or []) or 'all'}"]
    else:
        lines = [
            "Dashboards",
            f"search: {options.get('query') or ''}",
            f"tags: {', '.join(options.get('tags') or [])}",
        ]
    for place, line in enumerate(lines):
        shade = colours.FAINT if place else colours.TEXT
        drawing.canvas.text(drawing.box.x + 8, drawing.box.y + 16 + place * 22, line, 14, shade, clip=drawing.box)
