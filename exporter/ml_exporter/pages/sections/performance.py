"""How right the model was: whatever the families of performance hold, beside the baseline and beside estimates."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.metrics import Metric
from ml_exporter.pages.markup import Html, html, muted, paragraph, table
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import number, plain, reason, short, title

OBSERVED: Final = "ml_performance_"
ESTIMATED: Final = "ml_estimated_performance_"
BASELINE: Final = "ml_baseline_performance_"
_NO_MEASURE: Final = ("samples",)


def measures(chosen: Selection) -> dict[str, Metric]:
    """Return the metrics of all measures that the version has, of the window or of the baseline, by their key."""
    found: dict[str, Metric] = {}
    for family, scope in ((OBSERVED, chosen.scope), (BASELINE, chosen.total), (ESTIMATED, chosen.scope)):
        for metric in chosen.snapshot.metrics(family):
            key = metric.name.removeprefix(family)
            if key not in found and key not in _NO_MEASURE and chosen.snapshot.rows(metric.name, *scope):
                found[key] = metric
    return found


def _content(chosen: Selection) -> Html:
    snapshot = chosen.snapshot
    has_estimates = any(snapshot.rows(metric.name, *chosen.scope) for metric in snapshot.metrics(ESTIMATED))
    reasons = chosen.reasons
    rows = []
    for key, metric in measures(chosen).items():
        now = snapshot.rows(OBSERVED + key, *chosen.scope)
        baseline = snapshot.rows(BASELINE + key, *chosen.total)
        estimates = snapshot.rows(ESTIMATED + key, *chosen.scope)
        why = short(reasons.get(key))
        for labels in {**baseline, **now, **estimates}:
            cells = [_name(key, labels, metric), number(now.get(labels), why)]
            if has_estimates:
                cells.append(number(estimates.get(labels), "no estimate"))
            cells.append(number(baseline.get(labels), "not in the baseline"))
            rows.append(cells)
    if not rows:
        missing = {word for why in reasons.values() for word in why.values()}
        return paragraph(reason("no_labels" if "no_labels" in missing else "no_baseline").capitalize() + ".")
    heads = ["Measure", "Now", *(["Estimated"] if has_estimates else []), "Baseline"]
    labels_now = plain(snapshot.value("ml_performance_samples", *chosen.scope) or 0)
    labels_then = plain(snapshot.value("ml_baseline_performance_samples", *chosen.total) or 0)
    words = f"Over {labels_now} labels that arrived within {chosen.window}; the baseline had {labels_then}."
    return table(words, heads, rows)


def _name(key: str, labels: tuple[str, ...], metric: Metric) -> Html:
    names = metric.labels[-len(labels) :] if labels else ()
    name = ", ".join([title(key), *(" ".join(pair) for pair in zip(names, labels, strict=True))])
    meaning = metric.help.partition(", over ")[0]
    return Html(f"{html(name)}<br>{muted(meaning)}")


SECTION: Final = Section("performance", "Performance", Of.WINDOW, _content)
