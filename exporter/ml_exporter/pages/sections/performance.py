"""How right the model was: whatever the families of performance hold, beside the baseline and beside estimates."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.metrics import Metric
from ml_exporter.pages.markup import Html, Number, html, muted, paragraph, table
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import moment, number, plain, reason, short, title

OBSERVED: Final = "ml_performance_"
ESTIMATED: Final = "ml_estimated_performance_"
BASELINE: Final = "ml_baseline_performance_"
_NO_MEASURE: Final = ("samples",)
_BESIDE: Final = ("_standard_error", "_lower", "_upper", "_noise_floor", "_start_timestamp_seconds")
"""Ends of the keys of what says how far chance moves a measure, or since when it stands; they stand beside it."""
CONSTANT: Final = "constant_"
"""How the keys of what the best constant answer reaches begin; it stands beside the measure, too."""
_SAME: Final = {
    "precision_macro": "accuracy",
    "precision_weighted": "accuracy",
    "class_average_precision": "precision",
}
"""Measures whose best constant answer is that of another."""


def measures(chosen: Selection) -> dict[str, Metric]:
    """Return the metrics of all measures that the version has, of the window or of the baseline, by their key."""
    found: dict[str, Metric] = {}
    for family, scope in ((OBSERVED, chosen.scope), (BASELINE, chosen.total), (ESTIMATED, chosen.scope)):
        for metric in chosen.snapshot.metrics(family):
            key = metric.name.removeprefix(family)
            if key in found or key in _NO_MEASURE or key.startswith(CONSTANT) or key.endswith(_BESIDE):
                continue
            if chosen.snapshot.rows(metric.name, *scope):
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
        why, mark = short(reasons.get(key)), CONSTANT + _SAME.get(key, key)
        constants = snapshot.rows(OBSERVED + mark, *chosen.scope)
        for labels in {**baseline, **now, **estimates}:
            here = beside(chosen, OBSERVED + key, labels)
            cells = [_name(key, labels, metric), Number(number(now.get(labels), why) + here)]
            if has_estimates:
                there = beside(chosen, ESTIMATED + key, labels)
                cells.append(Number(number(estimates.get(labels), "no estimate") + there))
            cells.append(number(baseline.get(labels), "not in the baseline"))
            cells.append(number(constants.get(labels), short(reasons.get(mark)) or "-"))
            rows.append(cells)
    if not rows:
        missing = {word for why in reasons.values() for word in why.values()}
        return paragraph(reason("no_labels" if "no_labels" in missing else "no_baseline").capitalize() + ".")
    heads = ["Measure", "Now", *(["Estimated"] if has_estimates else []), "Baseline", "Best constant"]
    labels_now = plain(snapshot.value("ml_performance_samples", *chosen.scope) or 0)
    labels_then = plain(snapshot.value("ml_baseline_performance_samples", *chosen.total) or 0)
    words = (
        f"Over {labels_now} labels that arrived within {chosen.window}; the baseline had {labels_then}."
        " Below a number stands its 95 % interval, or after ± its standard error. Best constant: what always"
        " giving one answer would have reached."
    )
    return table(words, heads, rows)


def beside(chosen: Selection, name: str, labels: tuple[str, ...]) -> Html:
    """Return the 95 % interval of a measure, or its standard error or noise floor, and since when it stands."""
    found = (chosen.snapshot.rows(name + end, *chosen.scope).get(labels) for end in _BESIDE)
    error, lower, upper, floor, start = found
    parts = []
    if lower is not None and upper is not None:
        parts.append(muted(f"{plain(lower)} to {plain(upper)}"))
    elif error is not None:
        parts.append(muted(f"± {plain(error)}"))
    elif floor is not None:
        parts.append(Html(f'<span class="noise">noise {number(floor)}</span>'))
    if start is not None:
        parts.append(muted(f"since {moment(start)}"))
    return Html("".join(f"<br>{part}" for part in parts))


def _name(key: str, labels: tuple[str, ...], metric: Metric) -> Html:
    names = metric.labels[-len(labels) :] if labels else ()
    name = ", ".join([title(key), *(" ".join(pair) for pair in zip(names, labels, strict=True))])
    meaning = metric.help.partition(", over ")[0]
    return Html(f"{html(name)}<br>{muted(meaning)}")


SECTION: Final = Section("performance", "Performance", Of.WINDOW, _content)
