"""Which classes are taken for which: labelled predictions by true and by predicted class, beside the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ml_exporter.core.schema import Task
from ml_exporter.pages.markup import Html, Marked, Number, matrix, muted, paragraph, table, unknown
from ml_exporter.pages.sections.section import Of, Section, Selection
from ml_exporter.pages.words import SHORT, number, percent, plain
from ml_exporter.signals.performance.window_confusion import BASELINE, CLASSES, MOST_CLASSES, WINDOW
from ml_exporter.signals.signal import FAILED, NO_LABELS, TOO_FEW_SAMPLES

FITTING: Final = 4
"""Classes up to which the columns fit beside each other, or on a narrow screen the rows as blocks (chosen)."""


class _Matrix:
    """Counts by true and predicted class, with those of each true class and of all."""

    def __init__(self, counts: Mapping[tuple[str, ...], float]) -> None:
        self.counts = counts
        self.labels: dict[str, float] = {}
        for (true, _), count in counts.items():
            self.labels[true] = self.labels.get(true, 0.0) + count
        self.total = sum(self.labels.values())

    def share(self, true: str, predicted: str) -> float | None:
        """Return the share of the labels of a class that was predicted so; None if there are no such labels."""
        labels = self.labels.get(true)
        return self.counts[true, predicted] / labels if labels else None


def _content(chosen: Selection) -> Html:
    snapshot, window = chosen.snapshot, chosen.window
    tasks = {task for _, task, _ in snapshot.rows("ml_model_info", *chosen.total)}
    if tasks == {Task.REGRESSION.value}:
        return Html("")
    classes = snapshot.value(CLASSES.name, *chosen.total)
    if classes is not None and classes > MOST_CLASSES:
        return paragraph(
            f"The model has {plain(classes)} classes; a matrix is drawn of {MOST_CLASSES} at most."
            " On the page of metrics ml_confusion_total counts every pair of classes since the start."
        )
    now = _Matrix(snapshot.rows(WINDOW.name, *chosen.scope))
    before = _Matrix(snapshot.rows(BASELINE.name, *chosen.total))
    if not now.counts:
        return paragraph(f"No confusion matrix: {SHORT[FAILED]}.")
    if not now.total and not before.total:
        return paragraph(
            f"No label of a prediction with a class has arrived within {window}; there are none of a baseline."
        )
    least = max(snapshot.value("ml_minimum_samples", *chosen.total) or 0, 1)
    why = SHORT[TOO_FEW_SAMPLES] if now.total < least else ""
    names = list(now.labels)
    rows = []
    for true in names:
        cells = [_cell(true, predicted, now, before, why) for predicted in names]
        rows.append((f"True {true}", _labels(true, now, before, why), *cells))
    heads = ("Class", "Labels", *(f"Predicted {name}" for name in names))
    shown = table(f"True by predicted class, within {window}.", heads, rows)
    words = paragraph(_words(now, before, least, window))
    return Html(words + matrix("Confusion matrix", shown, scrolls=len(names) > FITTING))


def _words(now: _Matrix, before: _Matrix, least: float, window: str) -> str:
    """Return how the matrix is read."""
    there = f"the baseline had {plain(before.total)}" if before.total else "there are none of a baseline"
    if now.total >= least:
        below = "Below a count stands its share of the row's labels"
        below += ", then the baseline's share." if before.total else "."
    else:
        below = f"Below {plain(least)} labels no share is told"
        below += "; below a count stands the baseline's." if before.total else "."
    return (
        f"Over {plain(now.total)} labels of predictions with a class that arrived within {window}; {there}."
        f" A row is a true class, a column what was predicted; what was right is marked. {below}"
    )


def _labels(true: str, now: _Matrix, before: _Matrix, why: str) -> Number:
    """Return the labels of a class, and why there are no shares of them."""
    count = now.labels[true]
    shown = unknown(SHORT[NO_LABELS]) if not count else number(count)
    lines: list[str] = [shown, *([unknown(why)] if count and why else [])]
    if before.total:
        lines.append(muted(f"baseline {plain(before.labels.get(true, 0.0))}"))
    return Number("<br>".join(lines))


def _cell(true: str, predicted: str, now: _Matrix, before: _Matrix, why: str) -> Number:
    count = number(now.counts[true, predicted])
    share, then = now.share(true, predicted), before.share(true, predicted)
    right = true == predicted
    lines: list[str] = [f"{muted('right')} {count}" if right else count]
    if share is not None and not why:
        lines.append(percent(share))
    if then is not None:
        lines.append(muted(f"baseline {percent(then)}"))
    return (Marked if right else Number)("<br>".join(lines))


SECTION: Final = Section("confusion", "Confusion matrix", Of.WINDOW, _content)
