"""What changed together with performance: features by drift times importance, groups by their part in the loss."""

from __future__ import annotations

from typing import Final

from ml_exporter.pages.markup import Html, Number, muted, paragraph, table
from ml_exporter.pages.sections.drift import with_floor
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import number, percent, plain, short, short_of

SHOWN: Final = 10
"""Features, and groups, in a table (chosen); the page of metrics has all."""

_Group = tuple[str, ...]


def _content(chosen: Selection) -> Html:
    content = _features(chosen) + _groups(chosen)
    if not content:
        return Html("")
    words = "Suspects, no proof: what changed at the same time, weighted by how much it can matter."
    return Html(paragraph(words) + content)


def _features(chosen: Selection) -> Html:
    snapshot, scope = chosen.snapshot, chosen.scope
    found = snapshot.rows("ml_baseline_feature_importance_ratio", *chosen.total)
    if not found:
        return Html("")
    scores = snapshot.by_first("ml_root_cause_feature_score", *scope)
    if not scores:
        return paragraph(f"No ranking of the features: {short(chosen.reasons.get('root_cause_feature'))}.")
    psi = snapshot.by_first("ml_feature_drift_psi", *scope)
    floors = snapshot.by_first("ml_feature_drift_psi_noise_floor", *scope)
    importance = {feature: share for (feature, _), share in found.items()}
    order = sorted((name for name in scores if scores[name]), key=lambda name: (-scores[name], name))
    still = len(scores) - len(order)
    note = _note(still, "features have not drifted beyond their noise, or do not matter to the model.")
    if not order:
        return note
    rows = [
        (
            name,
            number(scores[name]),
            with_floor(psi.get(name), floors.get(name), ""),
            percent(importance.get(name)),
        )
        for name in order[:SHOWN]
    ]
    words = (
        f"Features within {chosen.window} by PSI beyond its noise floor, times importance; higher is more suspect."
        f" {_rests_on({source for _, source in found})}"
    )
    further = _note(len(order) - SHOWN, "more have a score above 0; they are on the page of metrics.")
    return Html(table(words, ("Feature", "Score", "PSI", "Importance"), rows) + further + note)


def _rests_on(sources: set[str]) -> str:
    if sources == {"attributions"}:
        return "Importance is the feature's share in the attributions of the baseline."
    return "The baseline has no attributions: every feature counts alike, so the order is that of drift."


def _groups(chosen: Selection) -> Html:
    snapshot, scope = chosen.snapshot, chosen.scope
    less = snapshot.rows("ml_root_cause_segment_loss", *scope)
    mix = snapshot.rows("ml_root_cause_segment_mix_loss", *scope)
    shares = snapshot.rows("ml_root_cause_segment_share", *scope)
    reasons = chosen.reasons.get("root_cause_segment", {})
    groups = less.keys() | mix.keys()
    if not groups:
        return paragraph(f"No parts of groups in a loss: {short(reasons)}.") if reasons else Html("")

    def row(group: _Group) -> tuple[str, Number, Number, Number]:
        share = percent(shares.get(group), _why(group, reasons, totals[group[0]]))
        return (
            f"{group[0]} = {group[1]}",
            share,
            number(less.get(group), "no labels now"),
            number(mix.get(group), "not in the baseline"),
        )

    parts = {group: less.get(group, 0.0) + mix.get(group, 0.0) for group in groups}
    totals: dict[str, float] = {}
    for group, part in parts.items():
        totals[group[0]] = totals.get(group[0], 0.0) + part
    order = sorted(groups, key=lambda group: (group not in shares, -shares.get(group, parts[group]), group))
    words = (
        f"Groups by their part in the {_loss(chosen)} since the baseline, within {chosen.window}: by being less"
        " right, and by there being more or fewer of them. Higher is worse, below 0 is a gain. Each segment parts"
        " the same predictions in its own way: parts of two are not to be added."
    )
    heads = ("Group", "Share of the loss", "By being less right", "By another mix")
    further = _note(len(order) - SHOWN, "more groups are on the page of metrics.")
    return Html(table(words, heads, map(row, order[:SHOWN])) + further)


def _loss(chosen: Selection) -> str:
    tasks = {task for _, task, _ in chosen.snapshot.rows("ml_model_info", *chosen.total)}
    return "growth of MAE" if tasks == {"regression"} else "loss of accuracy"


def _why(group: _Group, reasons: dict[str, str], loss: float) -> str:
    """Return why a group has no share: the formula has none for a loss within three standard errors, or a gain."""
    why = short_of("=".join(group), reasons)
    if why != "undefined":
        return why
    return "loss within noise" if loss > 0 else "no loss"


def _note(count: int, words: str) -> Html:
    return paragraph(muted(f"{plain(count)} {words}")) if count > 0 else Html("")


SECTION: Final = Section("root-cause", "What moved performance", Of.WINDOW, _content)
