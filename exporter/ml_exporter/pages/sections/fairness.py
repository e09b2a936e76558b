"""Groups of protected segments beside the reference group."""

from __future__ import annotations

from typing import Final

from ml_exporter.pages.markup import Html, Number, html, muted, paragraph, table
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import number, plain, short, title

FAMILY: Final = "ml_fairness_"
BASELINE: Final = "ml_baseline_fairness_"
_ERROR: Final = "_standard_error"


def _content(chosen: Selection) -> Html:
    snapshot = chosen.snapshot
    references = [" = ".join(labels[:2]) for labels in snapshot.rows(f"{FAMILY}reference_info", *chosen.total)]
    if not references:
        return Html("")
    reasons = chosen.reasons
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
        meaning = metric.help.partition(", within")[0].partition(", of the baseline")[0]
        why = short(reasons.get(f"fairness_{key}"))
        for group in {**before, **now}:
            name = Html(f"{html(title(key))}<br>{muted(meaning)}")
            value = number(now.get(group), why)
            if group in now and group in errors:
                value = Number(f"{value} ± {plain(errors[group])}")
            rows.append((name, " = ".join(group), value, number(before.get(group), "not in the baseline")))
    words = f"Compared with {', '.join(references)}."
    if not rows:
        missing = {word for key, why in reasons.items() if key.startswith("fairness_") for word in why.values()}
        return paragraph(f"{words} No value: {short({'': next(iter(missing))}) if missing else 'none yet'}.")
    heads = ("Measure", "Group", "Now", "Baseline")
    return table(f"{words} Within {chosen.window}, with one standard error.", heads, rows)


SECTION: Final = Section("fairness", "Fairness", Of.WINDOW, _content)
