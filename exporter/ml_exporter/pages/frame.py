"""The frame of every page for people: head, landmarks, a link to the content, sections with headings."""

from __future__ import annotations

from typing import Final

from ml_exporter.pages.markup import Html, html
from ml_exporter.pages.style import STYLE

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What a browser may load for a page: nothing but the style that is in it."""


def framed(title: str, lead: str, content: str, nav: str = "") -> bytes:
    """Return a page; ``title`` and ``lead`` are escaped unless they are HTML, ``content`` and ``nav`` are HTML."""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{html(title)}</title>
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head>
<body><a class="skip" href="#content">Skip to the content</a>
<header><h1>{html(title)}</h1><p>{html(lead)}</p>{nav}</header>
<main id="content" tabindex="-1">{content}</main></body></html>
""".encode("utf-8", "replace")


def section(key: str, title: str, content: str, level: int = 2, within: str = "") -> Html:
    """Return a section with its heading; ``key`` is unique, ``within`` that of the section around it."""
    names = f"{within} {key}" if within else key
    return Html(
        f'<section aria-labelledby="{names}"><h{level} id="{key}">{html(title)}</h{level}>{content}</section>\n'
    )


def choice(name: str, links: list[Html]) -> Html:
    """Return links of which one is current, as a landmark with a name."""
    items = "".join(f"<li>{each}</li>" for each in links)
    return Html(f'<nav aria-label="{html(name)}"><ul class="choice"><li>{html(name)}:</li>{items}</ul></nav>')
