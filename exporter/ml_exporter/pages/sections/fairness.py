"""Groups of protected segments beside the reference group."""

from __future__ import annotations

from typing import Final

from ml_exporter.pages.markup import Html, Number, html, muted, paragraph, table
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import number, plain, short, title
from ml_exporter.signals.fairness.window_counts import WINDOW
from ml_exporter.signals.performance.uncertainty import Z

FAMILY: Final = "ml_fairness_"
BASELINE: Final = "ml_baseline_fairness_"
_ERROR: Final = "_standard_error"


def _content(chosen: Selection) -> Html:
    snapshot = chosen.snapshot
    references = [" = ".join(labels[:2]) for labels in snapshot.rows(f"{FAMILY}reference_info", *chosen.total)]
    if not references:
        return Html("")
    reasons = chosen.reasons
    counted = snapshot.rows(WINDOW.name, *chosen.scope)
    of_reference = {labels[0]: labels[1] for labels in snapshot.rows(f"{FAMILY}reference_info", *chosen.total)}
    rows = []
    names = {metric.name.removeprefix(FAMILY): metric for metric in snapshot.metrics(FAMILY)}
    names |= {
        metric.name.removeprefix(BASELINE): metric
        for metric in snapshot.metrics(BASELINE)
        if metric.name.removeprefix(BASELINE) not in names
    }
    for key, metric in names.items():
        if key.endswith(_ERROR) or key == "reference_info":
            continue
        now = snapshot.rows(FAMILY + key, *chosen.scope)
        errors = snapshot.rows(FAMILY + key + _ERROR, *chosen.scope)
        before = snapshot.rows(BASELINE + key, *chosen.total)
        says = metric.help.partition(", within")[0].partition(", of the baseline")[0]
        meaning = Html(f"{html(title(key))}<br>{muted(says)}")
        why = short(reasons.get(f"fairness_{key}"))
        for group in {**before, **now}:
            value = number(now.get(group), why)
            if group in now and group in errors:
                value = Number(f"{value}<br>{muted(_interval(key, now[group], errors[group]))}")
            both = (counted.get((key, group[0], name)) for name in (group[1], of_reference.get(group[0], "")))
            rows.append(
                (
                    meaning,
                    " = ".join(group),
                    value,
                    Number(" / ".join(number(count) for count in both)),
                    number(before.get(group), "not in the baseline"),
                )
            )
    words = f"Compared with {', '.join(references)}."
    if not rows:
        missing = {word for key, why in reasons.items() if key.startswith("fairness_") for word in why.values()}
        return paragraph(f"{words} No value: {short({'': next(iter(missing))}) if missing else 'none yet'}.")
    words += (
        f" Within {chosen.window}; below a number stands its 95 % interval. Counted: predictions, or labels,"
        " behind it, of the group and of the reference."
    )
    return table(words, ("Measure", "Group", "Now", "Counted", "Baseline"), rows)


def _interval(key: str, value: float, error: float) -> str:
    """Return the 95 % interval of a measure, within the range of a ratio or of a difference of shares.

    >>> _interval("equal_opportunity_difference", -0.9, 0.1), _interval("disparate_impact_ratio", 0.1, 0.5)
    ('-1 to -0.704', '0 to 1.08')
    """
    lowest, highest = (0.0, float("inf")) if key.endswith("_ratio") else (-1.0, 1.0)
    lower, upper = max(value - Z * error, lowest), min(value + Z * error, highest)
    return f"{plain(lower)} to {plain(upper)}"


SECTION: Final = Section("fairness", "Fairness", Of.WINDOW, _content)
