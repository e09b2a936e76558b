"""The declared groups of predictions, the worst first."""

from __future__ import annotations

from typing import Final

from ml_exporter.pages.markup import Html, Number, html, more, muted, table
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import number, percent, plain, short_of, title

FAMILY: Final = "ml_segment_performance_"
BASELINE: Final = "ml_baseline_segment_performance_"
SHOWN: Final = 30
"""Groups in the table (chosen); the others follow on demand."""

HIGHER_IS_BETTER: Final = frozenset({"accuracy", "roc_auc"})

_ERROR: Final = "_standard_error"

_Group = tuple[str, ...]


def _content(chosen: Selection) -> Html:
    snapshot, scope = chosen.snapshot, chosen.scope
    predictions = snapshot.rows("ml_segment_window_predictions", *scope)
    if not predictions:
        return Html("")
    psi = snapshot.rows("ml_segment_prediction_drift_psi", *scope)
    floors = snapshot.rows("ml_segment_prediction_drift_psi_noise_floor", *scope)
    gaps = snapshot.rows("ml_segment_feature_gaps_ratio", *scope)
    labels = snapshot.rows("ml_segment_performance_samples", *scope)
    keys = [metric.name.removeprefix(FAMILY) for metric in snapshot.metrics(FAMILY)]
    keys += [metric.name.removeprefix(BASELINE) for metric in snapshot.metrics(BASELINE)]
    keys = [key for key in dict.fromkeys(keys) if key != "samples" and not key.endswith(_ERROR)]
    now = {key: snapshot.rows(FAMILY + key, *scope) for key in keys}
    errors = {key: snapshot.rows(FAMILY + key + _ERROR, *scope) for key in keys}
    before = {key: snapshot.rows(BASELINE + key, *chosen.total) for key in now}
    shown = [key for key in now if now[key] or before[key]]
    reasons = chosen.reasons

    def loss(group: _Group) -> tuple[float, float]:
        """Return how much worse a group is than in the baseline, by the first measure, then by drift."""
        worse = float("-inf")
        for key in shown[:1]:
            if group in now[key] and group in before[key]:
                change = now[key][group] - before[key][group]
                worse = -change if key in HIGHER_IS_BETTER else change
        return worse, psi.get(group, float("-inf")) - floors.get(group, 0.0)

    def row(group: _Group) -> list[str]:
        cells: list[str] = [f"{group[0]} = {group[1]}", number(predictions[group]), number(labels.get(group))]
        for key in shown:
            why = short_of("=".join(group), reasons.get(f"segment_{key}"))
            error = errors[key].get(group)
            cells.append(_beside(now[key].get(group), before[key].get(group), "baseline", why, error))
        cells.append(
            _beside(psi.get(group), floors.get(group), "noise", short_of("=".join(group), reasons.get(_PSI)))
        )
        cells.append(percent(gaps.get(group), "no predictions"))
        return cells

    order = sorted(predictions, key=lambda group: (*(-each for each in loss(group)), group))
    measures = [title(key) for key in shown]
    heads = ("Group", "Predictions", "Labels", *measures, "PSI of predictions", "Missing values")
    first = f"{measures[0]} against its own baseline" if measures else "drift beyond noise"
    words = (
        f"Groups within {chosen.window}, the worst first: by {first}, then by drift of the predictions. After ±"
        " stands a standard error."
    )
    content = table(words, heads, map(row, order[:SHOWN]))
    if len(order) > SHOWN:
        rest = table("Further groups, in the same order.", heads, map(row, order[SHOWN:]))
        content = Html(content + more(f"{plain(len(order) - SHOWN)} more groups", rest))
    return content


_PSI: Final = "segment_drift"


def _beside(value: float | None, other: float | None, name: str, why: str, error: float | None = None) -> Number:
    shown: str = number(value, why)
    if error is not None:
        shown += f"<br>{muted(f'± {plain(error)}')}"
    if other is None:
        return Number(shown)
    kind = "noise" if name == "noise" else "muted"
    return Number(f'{shown}<br><span class="{kind}">{html(name)} {number(other)}</span>')


SECTION: Final = Section("segments", "Segments", Of.WINDOW, _content)
