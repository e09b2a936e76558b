"""What a signal is: pure functions from sums (and a baseline's sums) to samples, or to a reason for none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np

from ml_exporter.baseline.reference import Reference
from ml_exporter.core.arrays import BoolArray, FloatArray, IntArray
from ml_exporter.core.metrics import Block, Metric, NoData, Rows
from ml_exporter.core.schema import ModelSchema
from ml_exporter.core.variants import Variant
from ml_exporter.sums.layout import Sums

T = TypeVar("T")

NO_EVENTS: Final = "no_events"
NO_LABELS: Final = "no_labels"
NO_FEEDBACK: Final = "no_feedback"
NO_FEATURES: Final = "no_features"
NO_SCORES: Final = "no_scores"
NO_PAIRS: Final = "no_pairs"
NO_BASELINE: Final = "no_baseline"
TOO_FEW_SAMPLES: Final = "too_few_samples"
ONE_CLASS: Final = "one_class"
UNDEFINED: Final = "undefined"
FAILED: Final = "failed"
REASONS: Final = {
    NO_EVENTS: "no prediction has arrived within the window",
    NO_LABELS: "no label has arrived within the window",
    NO_FEEDBACK: "no rating, or no thumb either, has arrived within the window",
    NO_FEATURES: "predictions came without any usable feature",
    NO_SCORES: "predictions came without scores",
    NO_PAIRS: "no prediction of the shadow has the id of one of the version at work within the window",
    NO_BASELINE: "the baseline does not hold what this signal compares with",
    TOO_FEW_SAMPLES: "fewer samples than the configured minimum",
    ONE_CLASS: "all labels of the window are of one class",
    UNDEFINED: "the formula has no value for this window, for example a division by zero",
    FAILED: "the signal raised an error; see the log and ml_exporter_collector_success",
}
"""Every reason for which a signal has no sample."""

Samples = Iterable[Block | NoData]

Trail = Sequence[tuple[float, int, float]]
"""Slices of a window, oldest first: time of the first event, labelled predictions, sum of their errors."""


class ModelContext:
    """What all windows and versions of one model share: its reference, and what is derived from it once.

    ``version`` is the one that the reference belongs to; others may be compared with it, too. ``variants`` are
    whose definitions of drift it asks for beside ours.
    """

    def __init__(
        self,
        reference: Reference,
        minimum_samples: int,
        owner: str = "",
        version: str = "",
        variants: Iterable[Variant] = (),
    ) -> None:
        self.reference = reference
        self.schema: ModelSchema = reference.schema
        self.minimum_samples = minimum_samples
        self.owner = owner
        self.version = version
        self.variants = frozenset(variants)
        self._derived: dict[Callable[..., Any], Any] = {}

    def derived(self, make: Callable[[ModelContext], T]) -> T:
        """Return ``make(self)``, made at the first call and kept."""
        if make not in self._derived:
            self._derived[make] = make(self)
        value: T = self._derived[make]
        return value


@dataclass(eq=False, slots=True)
class View:
    """The sums of one model version, since the start or over one window, with the facts beside them.

    ``window`` is the window's label, empty for sums since the start; ``scope`` the values of the labels model,
    version and, for a window, window. Times are seconds since the Unix epoch, NaN where there was no such event
    yet. ``trail`` tells the errors of a window slice by slice; without it the window is one slice. Signals read a
    view and change nothing in it.
    """

    context: ModelContext
    version: str
    sums: Sums
    window: str = ""
    started: float = np.nan
    last_prediction: float = np.nan
    last_label: float = np.nan
    trail: Callable[[], Trail] | None = None
    scope: tuple[str, ...] = field(init=False)
    _derived: dict[Callable[..., Any], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = (self.context.schema.name, self.version)
        self.scope = (*names, self.window) if self.window else names

    def derived(self, make: Callable[[View], T]) -> T:
        """Return ``make(self)``, made at the first call and kept: what several signals share."""
        if make not in self._derived:
            self._derived[make] = make(self)
        value: T = self._derived[make]
        return value


class Views(Sequence[View]):
    """Windows of one model that are evaluated together, with what several signals derive from all of them."""

    def __init__(self, views: Sequence[View]) -> None:
        self.context = views[0].context
        self._views = views
        self._derived: dict[Callable[..., Any], Any] = {}

    @cached_property
    def sums(self) -> Sums:
        """A copy of the sums of all views in one, with the views as leading axis."""
        return Sums(self._views[0].sums.layout, np.array([view.sums.vector for view in self._views]))

    def __len__(self) -> int:
        return len(self._views)

    def __getitem__(self, place: Any) -> Any:
        return self._views[place]

    def __iter__(self) -> Iterator[View]:
        return iter(self._views)

    def derived(self, make: Callable[[Views], T]) -> T:
        """Return ``make(self)``, made at the first call and kept."""
        if make not in self._derived:
            self._derived[make] = make(self)
        value: T = self._derived[make]
        return value


class Signal:
    """One signal: its key, every metric that it may yield, and its samples for three occasions.

    A subclass overrides the occasions that it has something for. It raises nothing for want of data:
    it yields :class:`NoData` with a reason of :data:`REASONS`.
    """

    key: str
    metrics: tuple[Metric, ...]

    def since_start(self, view: View) -> Samples:
        """Yield counters from the sums since the start."""
        return ()

    def since_starts(self, views: Views) -> Iterable[Samples]:
        """Yield, for each of several views, what :meth:`since_start` does; faster where arrays can be shared."""
        return map(self.since_start, views)

    def over_window(self, view: View) -> Samples:
        """Yield gauges from the sums of one window."""
        return ()

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield, for each of several windows, what :meth:`over_window` does; faster where arrays can be shared."""
        return map(self.over_window, views)

    def of_baseline(self, context: ModelContext, version: str) -> Samples:
        """Yield gauges from the baseline's sums; called once for a version, not at every tick."""
        return ()


class JointCounters(Signal):
    """A signal that counts for several views in one call: a subclass overrides :meth:`since_starts`."""

    def since_start(self, view: View) -> Samples:
        """Yield the counters of one view."""
        (samples,) = self.since_starts(Views([view]))
        return samples


class JointSignal(Signal):
    """A signal that evaluates several windows in one call: a subclass overrides :meth:`over_windows`."""

    def over_window(self, view: View) -> Samples:
        """Yield the samples of one window."""
        (samples,) = self.over_windows(Views([view]))
        return samples


Column = tuple[Metric, Rows, FloatArray | IntArray]
"""A metric, its rows, and their values for several views, (views, rows)."""


class Columns(Iterable[list[Block]]):
    """The blocks of several views where each has one of every metric; who wants all at once reads ``columns``."""

    def __init__(self, views: Views, columns: Iterable[Column]) -> None:
        self.views = views
        self.columns = list(columns)

    def __iter__(self) -> Iterator[list[Block]]:
        """Yield the blocks of each view."""
        for place, view in enumerate(self.views):
            yield [Block(metric, view.scope, rows, values[place]) for metric, rows, values in self.columns]


def absences(
    scope: tuple[str, ...], signal: str, features: tuple[str, ...], reasons: list[tuple[BoolArray, str]]
) -> Iterable[NoData]:
    """Yield why features have no sample: once without a feature if one reason holds for all of them.

    ``reasons`` are masks over the features with the reason each stands for; the first that applies counts.
    """
    told = np.zeros(len(features), bool)
    for mask, reason in reasons:
        if not mask.any():
            continue
        here = mask & ~told
        if len(features) and here.all():
            yield NoData(scope, signal, reason)
        else:
            for number in np.flatnonzero(here):
                yield NoData(scope, signal, reason, features[number])
        told |= here
