"""Small histograms: the window's shares as bars, the baseline's as a dashed line; names, words and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ml_exporter.pages.markup import Html, html
from ml_exporter.pages.words import percent

WIDTH, HEIGHT = 220, 44
"""The size of the bars."""
_BELOW: Final = 16
"""The room for names under the bars."""
_BESIDE: Final = 44
"""The room for the highest share, at the right of the bars."""
_LETTER: Final = 6.0
"""The width of a letter there, rather too much."""
_ASIDE: Final = 2
"""The last bins, "other" and "missing", which are no part of the axis."""


def histogram(bins: Sequence[str], now: Sequence[float], baseline: Sequence[float]) -> Html:
    """Return a picture of shares in the same bins; without ``baseline`` of the window alone.

    Its text alternative names the bin whose share changed most; who points at a bin is told its shares.
    """
    step = WIDTH / max(len(bins), 1)
    highest = max([*now, *baseline, 1e-9])
    scale = (HEIGHT - 2) / highest
    bars = "".join(
        f"M{place * step + 1:.1f} {HEIGHT}v-{share * scale:.1f}h{max(step - 2, 0.5):.1f}v{share * scale:.1f}z"
        for place, share in enumerate(now)
        if share > 0
    )
    axis = max(len(bins) - _ASIDE, 0) * step
    parts = [
        f'<path class="axis" d="M0 {HEIGHT}h{axis - 1:.1f}m2 0h{WIDTH - axis - 1:.1f}M{WIDTH} 2h4"/>',
        f'<path class="now" d="{bars}"/>',
    ]
    if baseline:
        line = "".join(
            f"{'L' if place else 'M'}{place * step:.1f} {HEIGHT - share * scale:.1f}h{step:.1f}"
            for place, share in enumerate(baseline)
        )
        parts.append(f'<path class="before" d="{line}"/>')
    for place, name in enumerate(bins):
        told = f"now {percent(now[place])}" + (f", baseline {percent(baseline[place])}" if baseline else "")
        column = f"M{place * step:.4g} 0h{step:.4g}v{HEIGHT}h-{step:.4g}z"
        parts.append(f'<path d="{column}"><title>{html(name)}: {told}</title></path>')
    parts.append(_text(percent(highest), WIDTH + 6, 10))
    parts += _names(bins, _most(now, baseline), axis, step)
    width, height = WIDTH + _BESIDE, HEIGHT + _BELOW
    return Html(
        f'<svg class="histogram" role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' aria-label="{html(_told(bins, now, baseline))}">{"".join(parts)}</svg>'
    )


def shares(name: str, bins: Sequence[str], now: Sequence[float], baseline: Sequence[float]) -> Html:
    """Return the numbers of a histogram of ``name`` as a table that is shown on demand.

    It is as narrow as a picture, so it stays a table on a narrow screen.
    """
    columns = [now, baseline] if baseline else [now]
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Bin", "Now", "Baseline")[: 1 + len(columns)])
    rows = "".join(
        f'<tr><th scope="row">{html(bin)}</th>{"".join(f"<td>{percent(each)}</td>" for each in row)}</tr>'
        for bin, *row in zip(bins, *columns, strict=True)
    )
    of = html(f"Bins of {name}")
    return Html(
        f'<details><summary aria-label="{of}">Bins</summary><table class="bins"><caption>{of}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></details>"
    )


def _names(bins: Sequence[str], most: int, axis: float, step: float) -> Iterator[str]:
    """Yield what stands under the bars: the ends of numbers, each name, or that of the largest change."""
    values = bins[:-_ASIDE]
    if len(values) > 1 and values[0].startswith("(-Inf, ") and values[-1].endswith(", +Inf)"):
        low = f"below {values[0][len('(-Inf, ') : -1]}"
        high = f"from {values[-1][1 : -len(', +Inf)')]}"
        needed = (len(low) + len(high) + 1) * _LETTER
        yield _text(low, 0)
        yield _text(high, min(max(axis, needed), WIDTH), anchor="end")
    elif all(len(name) * _LETTER <= step for name in values):
        for place, name in enumerate(bins):
            if len(name) * _LETTER <= step:
                yield _text(name, (place + 0.5) * step, anchor="middle")
    else:
        told = f"most changed: {bins[most]}"
        room = int((WIDTH + _BESIDE) / _LETTER)
        yield _text(told if len(told) <= room else f"{told[: room - 1]}…", 0)


def _text(words: str, x: float, y: int = HEIGHT + _BELOW - 4, anchor: str = "") -> str:
    anchored = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:.4g}" y="{y}"{anchored}>{html(words)}</text>'


def _most(now: Sequence[float], baseline: Sequence[float]) -> int:
    """Return the bin whose share changed most; without a baseline the fullest."""
    before = baseline or [0.0] * len(now)
    return max(range(len(now)), key=lambda place: abs(now[place] - before[place]))


def _told(bins: Sequence[str], now: Sequence[float], baseline: Sequence[float]) -> str:
    most = _most(now, baseline)
    if not baseline:
        return f"{len(bins)} bins, no baseline; most in {bins[most]}: {percent(now[most])}"
    shares = f"{percent(baseline[most])} in the baseline, {percent(now[most])} now"
    return f"{len(bins)} bins; largest change in {bins[most]}: {shares}"
