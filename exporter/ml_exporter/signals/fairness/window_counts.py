"""How many predictions, or labels, fairness rests on in each window, not exposed as series.

A rule can derive them from ``ml_segment_classified_predictions_total`` and ``ml_segment_confusion_total``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from ml_exporter.core.metrics import Block, Rows, gauge
from ml_exporter.signals.fairness import MEASURES
from ml_exporter.signals.fairness.measure import Places, rates_of
from ml_exporter.signals.segments.group import groups_of
from ml_exporter.signals.signal import ModelContext, Views

WINDOW: Final = gauge(
    "ml_window_fairness_samples",
    "Predictions, or labels, of a group behind a fairness measure, the fewest of its rates; not exposed.",
    *("model", "version", "window", "measure", "segment", "group"),
)


class _Counted:
    def __init__(self, context: ModelContext) -> None:
        places = context.derived(Places)
        self.groups = np.union1d(places.groups, places.references)
        named = [context.derived(groups_of).rows[place] for place in self.groups.tolist()]
        self.rows = Rows(tuple((measure.key, *group) for measure in MEASURES for group in named))


def fairness_counts(views: Views) -> Iterable[Block]:
    """Yield for each measure the counts of the groups of protected segments, those of the reference among them."""
    context = views.context
    counted = context.derived(_Counted)
    if not len(counted.rows):
        return
    for view in views:
        rates = rates_of(view.sums, context.schema.positive, counted.groups)
        counts = np.concatenate([measure.counts(rates) for measure in MEASURES])
        yield Block(WINDOW, view.scope, counted.rows, counts)
