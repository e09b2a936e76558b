"""Labelled predictions by true and by predicted class, of each window and the baseline, not exposed as series.

On the page of metrics they would be the square of the classes once more for every window, and a rule can derive
them from ``ml_confusion_total``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ml_exporter.core.metrics import Block, gauge, one
from ml_exporter.signals.performance.counts import ClassificationRows
from ml_exporter.signals.signal import Views

MOST_CLASSES: Final = 20
"""Models of more classes have no matrix (chosen): nobody reads a larger one."""

CLASSES: Final = gauge("ml_model_classes", "Classes of the model; not exposed.", "model", "version")
WINDOW: Final = gauge(
    "ml_window_confusion",
    "Labelled predictions by true and by predicted class, whose label arrived within the window; not exposed.",
    *("model", "version", "window", "class", "predicted"),
)
BASELINE: Final = gauge(
    "ml_baseline_confusion",
    "Labelled predictions of the baseline by true and by predicted class; not exposed.",
    *("model", "version", "class", "predicted"),
)


def confusions(views: Views) -> Iterable[Block]:
    """Yield the number of classes, and unless they are too many the counts of the baseline and of each window."""
    context = views.context
    schema, total = context.schema, (context.schema.name, views[0].version)
    if not schema.is_classifier:
        return
    yield one(CLASSES, len(schema.classes), *total)
    if len(schema.classes) > MOST_CLASSES:
        return
    pairs = context.derived(ClassificationRows).pairs
    yield Block(BASELINE, total, pairs, context.reference.sums["confusion"].flatten())
    counts = views.sums["confusion"].reshape(len(views), -1).copy()
    for view, values in zip(views, counts, strict=True):
        yield Block(WINDOW, view.scope, pairs, values)
