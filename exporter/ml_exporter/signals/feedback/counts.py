"""How much feedback there is: what the counters, the mean and the positive share of it have in common."""

from __future__ import annotations

from typing import Final

from ml_exporter.core.metrics import Rows
from ml_exporter.signals.signal import NO_FEEDBACK, TOO_FEW_SAMPLES, ModelContext, View
from ml_exporter.sums.layout import Sums

OF: Final = ("model", "version")
WITHIN: Final = ("model", "version", "window")


def ratings_of(sums: Sums) -> int:
    """Return the number of ratings."""
    return int(sums["feedback_ratings"].sum())


def all_of(sums: Sums) -> int:
    """Return the number of ratings and thumbs."""
    return ratings_of(sums) + int(sums["feedback_thumbs"].sum())


def shortage(view: View, samples: int) -> str:
    """Return why so few samples make no number; empty if they do."""
    if not samples:
        return NO_FEEDBACK
    return TOO_FEW_SAMPLES if samples < view.context.minimum_samples else ""


def steps_of(context: ModelContext) -> Rows:
    """Return a row for each step of the scale."""
    return Rows.of(context.schema.feedback.labels if context.schema.feedback else ())
