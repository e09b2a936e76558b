"""What a data-quality measure is, and the signal that counts it for every feature."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ml_exporter.core.arrays import BoolArray, FloatArray, IntArray
from ml_exporter.core.metrics import Block, NoData, Rows, counter, gauge
from ml_exporter.core.schema import FeatureKind, NumericVariable, Role
from ml_exporter.signals.signal import (
    NO_BASELINE,
    NO_EVENTS,
    Columns,
    JointCounters,
    JointSignal,
    ModelContext,
    Samples,
    View,
    Views,
    absences,
)
from ml_exporter.sums.layout import Sums
from ml_exporter.sums.variables import Cells


@dataclass(frozen=True, eq=False, slots=True)
class QualityMeasure:
    """A kind of value that should not be there.

    ``count`` returns, for every variable of the schema, in how many rows it was, (…, variables) of sums with any
    leading axes; ``kind`` restricts the
    measure to features of one kind, ``known`` to variables for which the baseline holds what is needed.
    ``what`` completes "Predictions in which a feature …".
    """

    key: str
    what: str
    count: Callable[[Sums, ModelContext], IntArray]
    kind: FeatureKind | None = None
    known: Callable[[ModelContext], BoolArray] | None = None


def cells_of(context: ModelContext) -> Cells:
    """Return where the cells of a model's variables lie."""
    return Cells(context.schema)


class _Places:
    def __init__(self, measure: QualityMeasure, context: ModelContext) -> None:
        schema = context.schema
        known = measure.known(context) if measure.known else np.ones(len(schema.variables), bool)
        asked = [
            number
            for number, variable in enumerate(schema.variables)
            if variable.role is Role.FEATURE
            and (
                measure.kind is None
                or (measure.kind is FeatureKind.NUMERIC) == isinstance(variable, NumericVariable)
            )
        ]
        self.features = np.array([number for number in asked if known[number]], np.int64)
        self.rows = Rows.of(schema.variables[number].name for number in self.features)
        self.asked = tuple(schema.variables[number].name for number in asked)
        self.unknown: BoolArray = ~known[asked]
        self.all_known = not self.unknown.any()


class QualitySignal(JointCounters, JointSignal):
    """How often a kind of bad value occurred: counted since the start, and as a share of a window's predictions.

    Range: 0 (never) to 1 (in every prediction); higher is worse. The baseline's share stands beside it.
    Minimum samples: one prediction in the window.
    Cost: O(features), whatever the number of events.
    """

    def __init__(self, measure: QualityMeasure) -> None:
        self.key = measure.key
        self.measure = measure
        labels = ("model", "version", "feature")
        self._total = counter(
            f"ml_feature_{self.key}_total", f"Predictions in which a feature {measure.what}.", *labels
        )
        self._ratio = gauge(
            f"ml_feature_{self.key}_ratio",
            f"Share of the predictions within the window in which a feature {measure.what}.",
            *("model", "version", "window", "feature"),
        )
        self._baseline = gauge(
            f"ml_baseline_feature_{self.key}_ratio",
            f"Share of the baseline's rows in which a feature {measure.what}.",
            *labels,
        )
        self.metrics = (self._total, self._ratio, self._baseline)
        self._places = lambda context: _Places(measure, context)

    def since_starts(self, views: Views) -> Iterable[Samples]:
        """Yield the counters."""
        places = views.context.derived(self._places)
        if not len(places.features):
            return [()] * len(views)
        counts = self.measure.count(views.sums, views.context)[:, places.features]
        return Columns(views, [(self._total, places.rows, counts)])

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield the shares; a window without a prediction has none."""
        places = views.context.derived(self._places)
        if not places.asked:
            return [()] * len(views)
        rows = views.sums["traffic"][:, 0]
        shares = np.zeros((len(views), 0))
        if len(places.features):
            counts = self.measure.count(views.sums, views.context)[:, places.features]
            shares = counts / np.maximum(rows, 1)[:, None]
        return [self._of_view(view, places, *of) for view, *of in zip(views, rows.tolist(), shares, strict=True)]

    def _of_view(self, view: View, places: _Places, rows: int, shares: FloatArray) -> Samples:
        if not rows:
            return [NoData(view.scope, f"feature_{self.key}", NO_EVENTS)]
        found = [Block(self._ratio, view.scope, places.rows, shares)] if len(shares) else []
        if places.all_known:
            return found
        unknown = [(places.unknown, NO_BASELINE)]
        return [*absences(view.scope, f"feature_{self.key}", places.asked, unknown), *found]

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the baseline's shares, if there is a baseline."""
        places = context.derived(self._places)
        if context.reference.rows and len(places.features):
            counts = self.measure.count(context.reference.sums, context)[places.features]
            yield Block(
                self._baseline, (context.schema.name, version), places.rows, counts / context.reference.rows
            )


def of_status(name: str) -> Callable[[Sums, ModelContext], IntArray]:
    """Return a count of the rows in the cell ``name``, one of ``sums.variables.STATUSES``."""

    def count(sums: Sums, context: ModelContext) -> IntArray:
        counted: IntArray = sums["variable_counts"][..., context.derived(cells_of).status(name)]
        return counted

    return count
