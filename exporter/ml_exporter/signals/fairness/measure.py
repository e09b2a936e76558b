"""What a fairness measure is, and the signal that yields it for each group beside the reference group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml_exporter.core.arrays import BoolArray, FloatArray, IntArray
from ml_exporter.core.metrics import Block, Rows, gauge
from ml_exporter.core.schema import Task
from ml_exporter.signals.segments.group import OF, WITHIN, groups_of
from ml_exporter.signals.signal import (
    NO_EVENTS,
    NO_LABELS,
    TOO_FEW_SAMPLES,
    UNDEFINED,
    ModelContext,
    Samples,
    Signal,
    View,
    absences,
)
from ml_exporter.sums.layout import Sums


@dataclass(frozen=True, eq=False, slots=True)
class Rate:
    """A share in each of some groups: ``hits`` of ``of``, both (groups,); NaN where nothing is counted."""

    hits: IntArray
    of: IntArray

    @property
    def value(self) -> FloatArray:
        """The share, (groups,)."""
        return np.where(self.of > 0, self.hits / np.maximum(self.of, 1), np.nan)

    @property
    def variance(self) -> FloatArray:
        """The variance of the share, (groups,): ``p (1 - p) / n`` with a hit and a miss more than were counted.

        So that ten of ten do not pass for certainty: A. Agresti and B. Caffo, Simple and effective confidence
        intervals for proportions and differences of proportions, Am. Stat. 54 (2000),
        doi:10.1080/00031305.2000.10474560.
        """
        trials = self.of + 2.0
        variance: FloatArray = (self.hits + 1.0) * (self.of - self.hits + 1.0) / trials**3
        return variance


@dataclass(frozen=True, eq=False, slots=True)
class Rates:
    """Of groups: how many are predicted positive, and how many of the positive and of the negative ones are."""

    selection: Rate
    true_positive: Rate
    false_positive: Rate


@dataclass(frozen=True, eq=False, slots=True)
class FairnessMeasure:
    """A number that says how differently a model treats a group and the reference group.

    ``value`` returns it for every group, (groups,), from the rates of the groups and those of the reference,
    repeated; ``variance`` its variance. ``rates`` names the rates that it rests on, of :class:`Rates`.
    """

    key: str
    help: str
    value: Callable[[Rates, Rates], FloatArray]
    variance: Callable[[Rates, Rates], FloatArray]
    rates: tuple[str, ...]

    def counts(self, rates: Rates) -> IntArray:
        """Return the predictions, or labels, behind one side: the fewest of the rates, (groups,)."""
        fewest: IntArray = np.min([getattr(rates, name).of for name in self.rates], axis=0)
        return fewest


class Places:
    """The groups of protected segments that are compared, and for each the place of its reference."""

    def __init__(self, context: ModelContext) -> None:
        groups = context.derived(groups_of)
        compared: list[int] = []
        references: list[int] = []
        for segment, start in zip(context.schema.segments, groups.starts.tolist(), strict=True):
            if segment.reference and context.schema.task is Task.BINARY:
                reference = segment.groups.index(segment.reference)
                others = [place for place in range(segment.named) if place != reference]
                compared += [start + place for place in others]
                references += [start + reference] * len(others)
        self.groups = np.array(compared, np.int64)
        self.references = np.array(references, np.int64)
        self.rows = Rows(tuple(groups.rows[place] for place in compared))
        self.names = tuple(f"{segment}={group}" for segment, group in self.rows.values)


class FairnessSignal(Signal):
    """One measure for each group of each protected segment, with its standard error, and the baseline's value."""

    def __init__(self, measure: FairnessMeasure) -> None:
        self.key = f"fairness_{measure.key}"
        self.measure = measure
        name = f"ml_fairness_{measure.key}"
        self._value = gauge(name, f"{measure.help}, within the window.", *WITHIN)
        self._error = gauge(f"{name}_standard_error", f"Standard error of {name}.", *WITHIN)
        self._baseline = gauge(f"ml_baseline_fairness_{measure.key}", f"{measure.help}, of the baseline.", *OF)
        self.metrics = (self._value, self._error, self._baseline)

    def over_window(self, view: View) -> Samples:
        """Yield the value of each group whose counts, and those of the reference, reach the minimum."""
        places = view.context.derived(Places)
        if not len(places.groups):
            return
        samples, values, errors = self._compare(view.sums, view.context, places)
        few = samples < max(view.context.minimum_samples, 1)
        gone: BoolArray = few | np.isnan(values)
        if not gone.all():
            yield Block(self._value, view.scope, places.rows, np.where(gone, np.nan, values))
            yield Block(self._error, view.scope, places.rows, np.where(gone, np.nan, errors))
        nothing = NO_EVENTS if self.measure.rates == ("selection",) else NO_LABELS
        reasons = [(samples == 0, nothing), (few, TOO_FEW_SAMPLES), (gone, UNDEFINED)]
        yield from absences(view.scope, self.key, places.names, reasons)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield the value over the baseline."""
        places = context.derived(Places)
        if len(places.groups):
            samples, values, _ = self._compare(context.reference.sums, context, places)
            values = np.where(samples > 0, values, np.nan)
            if not np.isnan(values).all():
                yield Block(self._baseline, (context.schema.name, version), places.rows, values)

    def _compare(
        self, sums: Sums, context: ModelContext, places: Places
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return the smaller of the counts behind each comparison, its value and its standard error."""
        positive = context.schema.positive
        group = rates_of(sums, positive, places.groups)
        reference = rates_of(sums, positive, places.references)
        samples = np.minimum(self.measure.counts(group), self.measure.counts(reference))
        with np.errstate(invalid="ignore", divide="ignore"):
            values = self.measure.value(group, reference)
            errors = np.sqrt(self.measure.variance(group, reference))
        return samples, np.where(np.isfinite(values), values, np.nan), errors


def rates_of(sums: Sums, positive: int, places: IntArray) -> Rates:
    """Return the rates of the groups at these ``places`` among all groups."""
    classified, selected = sums["segment_selected"][places].T
    confusion = sums["segment_confusion"][places]
    negative = 1 - positive
    return Rates(
        Rate(selected, classified),
        Rate(confusion[:, positive, positive], confusion[:, positive].sum(axis=1)),
        Rate(confusion[:, negative, positive], confusion[:, negative].sum(axis=1)),
    )


ONLY_SELECTION: Final = ("selection",)
