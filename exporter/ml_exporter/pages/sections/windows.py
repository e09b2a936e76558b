"""What the windows of a version hold."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.text import parse_duration
from ml_exporter.pages.markup import Html, facts, paragraph, table
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import ago, number, percent, plain, span


def _content(chosen: Selection) -> Html:
    snapshot, total = chosen.snapshot, chosen.total
    rows = []
    for window in snapshot.windows(*total):
        scope = (*total, window)
        started = snapshot.value("ml_window_start_timestamp_seconds", *scope)
        cells = [window, _filled(window, started, snapshot.at)]
        cells.append(number(snapshot.value("ml_window_predictions", *scope)))
        cells.append(number(snapshot.value("ml_performance_samples", *scope)))
        cells.append(percent(snapshot.value("ml_label_coverage_ratio", *scope), "no predictions yet"))
        rows.append(cells)
    heads = ("Window", "Filled", "Predictions", "Labels", "Labels per prediction")
    shown = table("The windows of this version, the shortest first.", heads, rows)
    return Html(_since_start(chosen) + shown)


def _filled(window: str, started: float | None, now: float) -> str:
    if started is None:
        return "nothing yet"
    age = now - started
    return "full" if age >= parse_duration(window) else f"holds the last {span(age)}"


def _since_start(chosen: Selection) -> Html:
    snapshot, total = chosen.snapshot, chosen.total
    last = snapshot.value("ml_prediction_last_timestamp_seconds", *total)
    pairs = [
        ("Predictions", f"{number(snapshot.value('ml_predictions_total', *total))} since the counters began"),
        ("Last prediction", ago(last, snapshot.at, "none yet")),
        ("Answered with an error", plain(snapshot.value("ml_prediction_errors_total", *total) or 0)),
        ("Latency", _quantiles(chosen, "ml_prediction_latency_seconds") or "not told by the sender"),
        ("Last label", ago(snapshot.value("ml_label_last_timestamp_seconds", *total), snapshot.at, "none yet")),
        ("From prediction to label", _quantiles(chosen, "ml_label_delay_seconds") or "no labels yet"),
    ]
    least = snapshot.value("ml_minimum_samples", *total)
    words = f"Below {plain(least)} samples drift and performance have no value." if least else ""
    return Html(facts(pairs) + (paragraph(words) if words else ""))


def _quantiles(chosen: Selection, name: str) -> str:
    """Return the bounds below which half and nine tenths of a histogram lie, "" if it is empty."""
    found = chosen.snapshot.histogram(name, *chosen.total)
    if found is None or not found[1][-1]:
        return ""
    bounds, counts = found
    told = []
    for share, words in ((0.5, "half"), (0.9, "90 %")):
        place = next(place for place, count in enumerate(counts) if count >= share * counts[-1])
        within = f"within {span(bounds[place])}" if place < len(bounds) else f"beyond {span(bounds[-1])}"
        told.append(f"{words} {within}")
    return ", ".join(told)


SECTION: Final = Section("windows", "What is counted", Of.VERSION, _content)
