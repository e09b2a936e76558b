"""Values that are not there, or not what they should be, by feature."""

from __future__ import annotations

from typing import Final

from ml_exporter.pages.markup import Html, Number, more, muted, paragraph, table
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import percent, plain, short, title
from ml_exporter.signals.quality import MEASURES

SHOWN: Final = 30
"""Features in the table (chosen); the others with such values follow on demand."""

LISTED: Final = 1000
"""Features in that list at most (chosen)."""


def _content(chosen: Selection) -> Html:
    shares: dict[str, dict[str, float]] = {}
    baseline: dict[str, dict[str, float]] = {}
    for measure in MEASURES:
        name = f"feature_{measure.key}_ratio"
        shares[measure.key] = chosen.snapshot.by_first(f"ml_{name}", *chosen.scope)
        baseline[measure.key] = chosen.snapshot.by_first(f"ml_baseline_{name}", *chosen.total)
    worst: dict[str, float] = {}
    for key, found in shares.items():
        for feature, share in found.items():
            beyond = share - baseline[key].get(feature, 0.0)
            if share:
                worst[feature] = max(beyond, worst.get(feature, -1.0))
    if not any(shares.values()):
        why = short(chosen.reasons.get("feature_missing")) or "no features are known"
        return paragraph(f"No shares: {why}.")
    if not worst:
        return paragraph(f"In {chosen.window} every feature was there, of its type, finite, in range and known.")
    order = sorted(worst, key=lambda feature: (-worst[feature], feature))
    heads = ("Feature", *(title(measure.key) for measure in MEASURES))

    def rows(features: list[str]) -> list[list[str]]:
        return [
            [feature, *(_cell(shares[key].get(feature), baseline[key].get(feature)) for key in shares)]
            for feature in features
        ]

    words = f"Share of the predictions within {chosen.window}, sorted by how far it is above the baseline's."
    shown = table(words, heads, rows(order[:SHOWN]))
    clean = len({feature for found in shares.values() for feature in found}) - len(order)
    note = muted(f"{plain(clean)} features without such values are left out.") if clean else ""
    if len(order) <= SHOWN:
        return Html(shown + note)
    rest = table("Further features, in the same order.", heads, rows(order[SHOWN : SHOWN + LISTED]))
    return Html(shown + more(f"{plain(len(order) - SHOWN)} more features", rest) + note)


def _cell(share: float | None, baseline: float | None) -> Number:
    if share is None:
        return Number('<span class="muted">does not apply</span>')
    if not share and not baseline:
        return Number("0 %")
    beside = f'<br><span class="muted">baseline {percent(baseline)}</span>' if baseline is not None else ""
    return Number(percent(share) + beside)


SECTION: Final = Section("quality", "Data quality", Of.WINDOW, _content)
