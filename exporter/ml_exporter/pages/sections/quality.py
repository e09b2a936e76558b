"""Values that are not there, or not what they should be; features that stand still, rows that repeat."""

from __future__ import annotations

from typing import Final

from ml_exporter.pages.markup import Html, Number, facts, more, muted, paragraph, table
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import number, percent, plain, short, title
from ml_exporter.signals.quality import MEASURES

SHOWN: Final = 30
"""Features in the table (chosen); the others with such values follow on demand."""

LISTED: Final = 1000
"""Features in that list at most (chosen)."""

STILL: Final = 10
"""Features that may stand still (chosen); the page of metrics has all."""


def _content(chosen: Selection) -> Html:
    return Html(_values(chosen) + _still(chosen) + _repeated(chosen))


def _values(chosen: Selection) -> Html:
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
    note = paragraph(muted(f"{plain(clean)} features without such values are left out.")) if clean else ""
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


def _still(chosen: Selection) -> Html:
    """Return the features that may stand still: whose fullest bin has more of the values than in the baseline."""
    now = chosen.snapshot.by_first("ml_feature_modal_ratio", *chosen.scope)
    before = chosen.snapshot.by_first("ml_baseline_feature_modal_ratio", *chosen.total)
    order = sorted(
        (name for name in now if now[name] > before.get(name, 0.0)),
        key=lambda name: (before.get(name, 0.0) - now[name], name),
    )
    reasons = chosen.reasons.get("feature_modal", {})
    if not now:
        return paragraph(f"Whether features still vary is not known: {short(reasons)}.") if reasons else Html("")
    told = ", ".join(f"{name}: {short({'': reasons[name]})}" for name in sorted(reasons)[:STILL])
    unknown = paragraph(muted(f"Not known of {plain(len(reasons))}: {told}.")) if reasons else ""
    if not order:
        words = "none had more of its values in one bin than in the baseline."
        return Html(paragraph(f"Of {plain(len(now))} features within {chosen.window} {words}") + unknown)
    rows = [(name, percent(now[name]), percent(before.get(name), "unknown")) for name in order[:STILL]]
    words = (
        f"Share of a feature's values within {chosen.window} in its fullest bin or category, farthest above the"
        " baseline's first. At 100 % a feature stands still."
    )
    left = len(order) - len(rows)
    note = paragraph(muted(f"{plain(left)} more are on the page of metrics.")) if left else ""
    return Html(table(words, ("Feature", "Now", "Baseline"), rows) + note + unknown)


def _repeated(chosen: Selection) -> Html:
    """Return how often rows repeat, beside as many rows like the baseline's."""
    found = chosen.snapshot.value("ml_repeated_rows_per_prediction", *chosen.scope)
    why = chosen.reasons.get("repeated_rows")
    if found is None and why is None:
        return Html("")
    expected = chosen.snapshot.value("ml_baseline_repeated_rows_per_prediction", *chosen.scope)
    no_baseline = short(chosen.reasons.get("baseline_repeated_rows") or why)
    words = "Rows repeat: other predictions of the window with the same features, per prediction. Higher is worse."
    pairs = [
        (f"Repeated rows within {chosen.window}", number(found, short(why))),
        ("Of as many rows like the baseline's", number(expected, no_baseline)),
    ]
    return Html(paragraph(words) + facts(pairs))


SECTION: Final = Section("quality", "Data quality", Of.WINDOW, _content)
