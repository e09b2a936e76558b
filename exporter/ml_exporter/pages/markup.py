"""HTML from texts and numbers. What is not :class:`Html` is escaped, so a name can never become markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from ml_exporter.core.text import printable


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


class Number(Html):
    """A number, which stands at the right of its column."""

    __slots__ = ()


class Marked(Number):
    """A number that is set off from those around it; its text says so, too."""

    __slots__ = ()


def html(value: str) -> Html:
    """Return a text as HTML: escaped, without control characters, not long.

    >>> html("<b>")
    '&lt;b&gt;'
    """
    return value if isinstance(value, Html) else Html(escape(printable(value)))


def unknown(why: str = "") -> Number:
    """Return what stands where there is no value, with the reason."""
    words = html(why) if why else "no value"
    return Number(f'<span class="unknown">{words}</span>')


def muted(text: str) -> Html:
    """Return a text that explains."""
    return Html(f'<span class="muted">{html(text)}</span>')


def paragraph(text: str) -> Html:
    """Return a sentence of its own."""
    return Html(f"<p>{html(text)}</p>")


def link(href: str, text: str, *, current: bool = False) -> Html:
    """Return a link; ``current`` is said of the one that leads here."""
    mark = ' aria-current="true"' if current else ""
    return Html(f'<a href="{escape(href)}"{mark}>{html(text)}</a>')


def facts(pairs: Iterable[tuple[str, str]]) -> Html:
    """Return names with their values."""
    items = "".join(f"<div><dt>{html(name)}</dt><dd>{html(value)}</dd></div>" for name, value in pairs)
    return Html(f'<dl class="facts">{items}</dl>')


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """Return a table; the first cell of a row is its heading.

    On a narrow screen each row becomes a block of its own, with the column's title before each value; the roles
    keep it a table for a screen reader.
    """
    lines = list(rows)
    titles = [html(head) for head in heads]
    numeric = [bool(lines) and isinstance(cell, Number) for cell in (lines[0] if lines else heads)]
    columns = "".join(
        f'<th scope="col" role="columnheader"{_NUMERIC if right else ""}>{title}</th>'
        for title, right in zip(titles, numeric, strict=True)
    )
    body = "".join(_row(titles, line) for line in lines)
    return Html(
        f'<table role="table"><caption>{html(caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{columns}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table>'
    )


def matrix(name: str, content: Html, *, scrolls: bool) -> Html:
    """Return a table whose columns are as many as its rows.

    One that ``scrolls`` may be wider than the page: its box can be scrolled, by keyboard too, and on a narrow
    screen its rows stay rows.
    """
    box = f'matrix scrolled" role="group" aria-label="{html(name)}" tabindex="0' if scrolls else "matrix"
    return Html(f'<div class="{box}">{content}</div>')


def more(summary: str, content: Html) -> Html:
    """Return content that is shown on demand."""
    return Html(f"<details><summary>{html(summary)}</summary>{content}</details>")


_NUMERIC: Final = ' class="n"'
_MARKED: Final = ' class="n marked"'


def _row(titles: Sequence[Html], cells: Sequence[str]) -> str:
    head, *rest = cells
    shown = "".join(
        f'<td role="cell" data-label="{title}"{_class(cell)}>{html(cell)}</td>'
        for title, cell in zip(titles[1:], rest, strict=True)
    )
    return f'<tr role="row"><th scope="row" role="rowheader">{html(head)}</th>{shown}</tr>'


def _class(cell: str) -> str:
    if isinstance(cell, Marked):
        return _MARKED
    return _NUMERIC if isinstance(cell, Number) else ""
