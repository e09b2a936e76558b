"""How far the features together are from those of the baseline."""

from __future__ import annotations

from typing import Final

from ml_exporter.pages.markup import Html, facts, paragraph
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import number, plain, short

MMD: Final = "ml_multivariate_drift_mmd"
ERROR: Final = "ml_multivariate_drift_reconstruction_error"
BASELINE: Final = "ml_baseline_multivariate_drift_reconstruction_error"
KEYS: Final = ("multivariate_drift_mmd", "multivariate_drift_reconstruction_error")
"""The signals of both."""


def _content(chosen: Selection) -> Html:
    snapshot = chosen.snapshot
    rows = snapshot.value(f"{ERROR}_samples", *chosen.scope)
    known = (rows, snapshot.value(MMD, *chosen.scope), *(chosen.reasons.get(key) for key in KEYS))
    if all(each is None for each in known):
        return Html("")
    before = snapshot.value(f"{BASELINE}_samples", *chosen.total)
    words = (
        "What no feature shows by itself, such as a correlation that is gone. Discrepancy: 0 is the same, higher"
        " is worse; without drift it stays below its noise. Error: farther from the baseline's is worse, above or"
        " below; after ± stands the standard error of the difference."
    )
    pairs = [
        ("Maximum mean discrepancy (MMD)", _discrepancy(chosen)),
        ("PCA reconstruction error", _error(chosen)),
        (
            "Rows that lack no feature",
            Html(f"{number(rows, short(chosen.reasons.get(KEYS[1])))}, baseline {number(before, 'none')}"),
        ),
    ]
    return Html(paragraph(words) + facts(pairs))


def _discrepancy(chosen: Selection) -> Html:
    value = chosen.snapshot.value(MMD, *chosen.scope)
    floor = chosen.snapshot.value(f"{MMD}_noise_floor", *chosen.scope)
    noise = "" if floor is None else f' <span class="noise">(noise {plain(floor)})</span>'
    return Html(number(value, short(chosen.reasons.get(KEYS[0]))) + noise)


def _error(chosen: Selection) -> Html:
    value = chosen.snapshot.value(ERROR, *chosen.scope)
    error = chosen.snapshot.value(f"{ERROR}_standard_error", *chosen.scope)
    before = chosen.snapshot.value(BASELINE, *chosen.total)
    why = short(chosen.reasons.get(KEYS[1]))
    beside = "" if error is None else f" ± {plain(error)}"
    return Html(f"{number(value, why)}{beside}, baseline {number(before, 'none')}")


SECTION: Final = Section("multivariate", "Drift of all features together", Of.WINDOW, _content)
