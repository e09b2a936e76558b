"""Why there is no value where there is none."""

from __future__ import annotations

from typing import Final

from ml_exporter.pages.markup import Html, paragraph, table
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import plain, reason

NAMED: Final = 5
"""Features or groups named of one signal (chosen); of the others the number is told."""


def _content(chosen: Selection) -> Html:
    snapshot = chosen.snapshot
    found: dict[tuple[str, str], list[str]] = {}
    for window in dict.fromkeys((chosen.window, "")):
        for signal, by_feature in snapshot.reasons(*chosen.total, window).items():
            for feature, key in by_feature.items():
                found.setdefault((key, signal), []).append(feature)
    if not found:
        return paragraph(f"Every signal has a value within {chosen.window}.")
    by_words: dict[tuple[str, str], list[str]] = {}
    for (key, signal), features in found.items():
        by_words.setdefault((key, _features(features)), []).append(signal)
    rows = [
        (reason(key).capitalize(), ", ".join(signal.replace("_", " ") for signal in signals), features)
        for (key, features), signals in by_words.items()
    ]
    heads = ("Reason", "Signals", "Features or groups")
    return table(f"Signals without a value within {chosen.window}; unknown is not healthy.", heads, rows)


def _features(names: list[str]) -> str:
    if "" in names:
        return "all"
    listed = ", ".join(sorted(names)[:NAMED])
    return listed if len(names) <= NAMED else f"{listed} and {plain(len(names) - NAMED)} more"


SECTION: Final = Section("no-data", "Why there is no data", Of.WINDOW, _content)
