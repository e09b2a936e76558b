"""How far the predictions are from those of the baseline."""

from __future__ import annotations

from typing import Final

from ml_exporter.pages.markup import Html, facts, paragraph
from ml_exporter.pages.sections.drift import legend, picture
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import SHORT, number, percent, short, title
from ml_exporter.signals.signal import FAILED

FAMILY: Final = "ml_prediction_drift_"


def _content(chosen: Selection) -> Html:
    snapshot, scope = chosen.snapshot, chosen.scope
    pairs = []
    for metric in snapshot.metrics(FAMILY):
        key = metric.name.removeprefix(FAMILY)
        value = snapshot.value(metric.name, *scope)
        if value is None or key.endswith("_noise_floor"):
            continue
        floor = snapshot.value(f"{metric.name}_noise_floor", *scope)
        noise = Html(f' <span class="noise">(noise {number(floor)})</span>') if floor is not None else ""
        pairs.append((title(key), Html(number(value) + noise)))
    share = snapshot.value("ml_feature_drift_share_ratio", *scope)
    if share is not None:
        pairs.append(("Share of features with PSI from 0.1 and above noise", percent(share)))
    now = snapshot.by_first("ml_prediction_window_bin", *scope)
    before = snapshot.by_first("ml_baseline_prediction_bin_ratio", *chosen.total)
    if not now:
        why = SHORT[FAILED] if before else short(chosen.reasons.get("prediction_drift_psi"))
        why = why or "outputs are not in the baseline"
        return Html(paragraph(f"No distribution of the predictions: {why}.") + (facts(pairs) if pairs else ""))
    drawn = picture("the predictions", now, before, detailed=chosen.detailed)
    return Html(legend() + drawn + facts(pairs))


SECTION: Final = Section("predictions", "Drift of the predictions", Of.WINDOW, _content)
