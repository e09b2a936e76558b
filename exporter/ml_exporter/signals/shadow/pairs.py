"""Pairs of a shadow's predictions with those of the version at work, and the sums of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.metrics import ONE, Block, NoData, counter, gauge, info, one
from ml_exporter.signals.performance.counts import ClassificationRows
from ml_exporter.signals.signal import (
    NO_PAIRS,
    NO_SCORES,
    TOO_FEW_SAMPLES,
    Column,
    Columns,
    JointCounters,
    JointSignal,
    ModelContext,
    Samples,
    View,
    Views,
)
from ml_exporter.sums.fixed import WIDE
from ml_exporter.sums.layout import Sums

OF: Final = ("model", "version")
WITHIN: Final = ("model", "version", "window")

_INFO = info("ml_model_shadow_info", "A version that answers in the shadow of the one at work.", *OF)
_CLASSES = counter(
    "ml_shadow_agreement_total",
    "Predictions of a shadow by the class that the version at work named for the same id, and by its own.",
    *(*OF, "working", "predicted"),
)
_SCORED = counter(
    "ml_shadow_scored_total", "Predictions of a shadow whose score or value has one of the version at work.", *OF
)
_ABOVE = counter("ml_shadow_above_total", "Sum over these of how far the shadow is above the other.", *OF)
_BELOW = counter("ml_shadow_below_total", "Sum over these of how far the shadow is below the other.", *OF)
_PAIRS = gauge(
    "ml_shadow_pairs",
    "Predictions of a shadow within the window that can be compared with one of the version at work.",
    *WITHIN,
)


def named(sums: Sums) -> IntArray:
    """Return the pairs that both name a class, (…,)."""
    return np.asarray(sums["shadow_classes"].sum(axis=(-2, -1)))


def scored(sums: Sums) -> IntArray:
    """Return the pairs of two scores or values, (…,)."""
    return sums["shadow_scored"][..., 0]


def compared(sums: Sums) -> IntArray:
    """Return the pairs of two classes, or of two scores or values if there are more such, (…,)."""
    if "shadow_scored" not in sums:
        return named(sums)
    return np.maximum(scored(sums), named(sums)) if "shadow_classes" in sums else scored(sums)


class PairSignal(JointSignal):
    """A signal that rests on pairs: its metrics have a value in each window that holds enough of them."""

    def of_views(self, views: Views, pairs: IntArray, found: FloatArray) -> Iterable[Samples]:
        """Yield the values of each window, (views, metrics), or why it has none, by its ``pairs``, (views,)."""
        return map(self._of_view, views, pairs.tolist(), compared(views.sums).tolist(), found)

    def _of_view(self, view: View, pairs: int, compared: int, found: FloatArray) -> Samples:
        if pairs < max(view.context.minimum_samples, 1):
            reason = TOO_FEW_SAMPLES if pairs else NO_SCORES if compared else NO_PAIRS
            return [NoData(view.scope, self.key, reason)]
        return [Block(metric, view.scope, ONE, found[n : n + 1]) for n, metric in enumerate(self.metrics)]


class Pairs(JointCounters, JointSignal):
    """Counters of a shadow: from them the agreement and the differences of a fleet follow."""

    key = "shadow_pairs"
    metrics = (_INFO, _CLASSES, _SCORED, _ABOVE, _BELOW, _PAIRS)

    def since_starts(self, views: Views) -> Iterable[Samples]:
        """Yield the counters; they begin at 0 for every pair of classes."""
        return Columns(views, _columns(views)) if views.context.schema.is_shadow else [()] * len(views)

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield how many pairs there are within each window; 0 is a fact here, not a lack."""
        if not views.context.schema.is_shadow:
            return [()] * len(views)
        return Columns(views, [(_PAIRS, ONE, compared(views.sums)[:, None])])

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield that it is a shadow."""
        if context.schema.is_shadow:
            yield one(_INFO, 1, context.schema.name, version)


def _columns(views: Views) -> Iterator[Column]:
    sums, schema = views.sums, views.context.schema
    if schema.is_classifier:
        rows = views.context.derived(ClassificationRows)
        yield _CLASSES, rows.pairs, sums["shadow_classes"].reshape(len(views), -1)
    if "shadow_scored" in sums:
        above, below = np.moveaxis(WIDE.decode(sums["shadow_differences"]), -1, 0)
        yield _SCORED, ONE, sums["shadow_scored"]
        yield _ABOVE, ONE, above[:, None]
        yield _BELOW, ONE, below[:, None]


SIGNAL: Final = Pairs()
