"""Small histograms: the window's shares as bars, the baseline's as a dashed line, and both in words."""

from __future__ import annotations

from collections.abc import Sequence

from ml_exporter.pages.markup import Html, html
from ml_exporter.pages.words import percent

WIDTH, HEIGHT = 180, 44


def histogram(bins: Sequence[str], now: Sequence[float], baseline: Sequence[float]) -> Html:
    """Return a picture of shares in the same bins; without ``baseline`` of the window alone.

    Its text alternative names the bin whose share changed most.
    """
    step = WIDTH / max(len(bins), 1)
    highest = max([*now, *baseline, 1e-9])
    scale = (HEIGHT - 2) / highest
    bars = "".join(
        f"M{place * step + 1:.1f} {HEIGHT}v-{share * scale:.1f}h{max(step - 2, 0.5):.1f}v{share * scale:.1f}z"
        for place, share in enumerate(now)
        if share > 0
    )
    parts = [f'<path class="now" d="{bars}"/>']
    if baseline:
        line = "".join(
            f"{'L' if place else 'M'}{place * step:.1f} {HEIGHT - share * scale:.1f}h{step:.1f}"
            for place, share in enumerate(baseline)
        )
        parts.append(f'<path class="before" d="{line}"/>')
    return Html(
        f'<svg class="histogram" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        f' aria-label="{html(_told(bins, now, baseline))}">{"".join(parts)}</svg>'
    )


def _told(bins: Sequence[str], now: Sequence[float], baseline: Sequence[float]) -> str:
    if not baseline:
        fullest = max(range(len(bins)), key=lambda place: now[place])
        return f"{len(bins)} bins, no baseline; most in {bins[fullest]}: {percent(now[fullest])}"
    most = max(range(len(bins)), key=lambda place: abs(now[place] - baseline[place]))
    shares = f"{percent(baseline[most])} in the baseline, {percent(now[most])} now"
    return f"{len(bins)} bins; largest change in {bins[most]}: {shares}"
