"""What the model rests on: the mean absolute attribution of each feature, now beside the baseline."""

from __future__ import annotations

from typing import Final

from ml_exporter.pages.markup import Html, facts, more, muted, paragraph, table
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import number, plain, short, short_of

SHOWN: Final = 10
"""Features in the table (chosen); the others follow on demand."""

LISTED: Final = 1000
"""Features in that list at most (chosen)."""

_HEADS: Final = ("Feature", "Rank now", "Rank in the baseline", "Mean now", "Mean in the baseline", "Told")


def _content(chosen: Selection) -> Html:
    snapshot = chosen.snapshot
    told = snapshot.by_first("ml_feature_attributed_predictions_total", *chosen.total)
    if not told:
        return Html("")
    now, before = (
        (snapshot.by_first(f"ml_{family}_mean", *scope), snapshot.by_first(f"ml_{family}_rank", *scope))
        for family, scope in (
            ("feature_attribution", chosen.scope),
            ("baseline_feature_attribution", chosen.total),
        )
    )
    reasons = chosen.reasons.get("attribution_mean")

    def rows(names: list[str]) -> list[tuple[str, ...]]:
        return [
            (
                name,
                number(now[1].get(name), short_of(name, reasons)),
                number(before[1].get(name), "not in the baseline"),
                number(now[0].get(name), short_of(name, reasons)),
                number(before[0].get(name), "not in the baseline"),
                number(told[name]),
            )
            for name in names
        ]

    last = float("inf")
    order = sorted(told, key=lambda name: (*sorted((now[1].get(name, last), before[1].get(name, last))), name))
    words = (
        f"Mean absolute attributions within {chosen.window}, in the unit of their method, sorted by the"
        " better rank of now and the baseline. Told: predictions that had one, since the counters began."
    )
    shown = table(words, _HEADS, rows(order[:SHOWN]))
    return Html(_ndcg(chosen) + shown + _rest(order[SHOWN:], rows(order[SHOWN : SHOWN + LISTED])))


def _ndcg(chosen: Selection) -> Html:
    score = chosen.snapshot.value("ml_attribution_drift_ndcg", *chosen.scope)
    words = (
        "NDCG is 1 where the features have the same order as in the baseline; lower is worse. Amazon SageMaker"
        " calls less than 0.9 a violation."
    )
    why = short(chosen.reasons.get("attribution_drift_ndcg"))
    return Html(facts([("NDCG of the features' order", number(score, why))]) + paragraph(words))


def _rest(names: list[str], rows: list[tuple[str, ...]]) -> Html:
    if not names:
        return Html("")
    listed = table("Further features, in the same order.", _HEADS, rows)
    left = len(names) - len(rows)
    note = muted(f"{plain(left)} more are on the page of metrics.") if left else ""
    return more(f"{plain(len(names))} more features", Html(listed + note))


SECTION: Final = Section("attributions", "Attributions", Of.WINDOW, _content)
