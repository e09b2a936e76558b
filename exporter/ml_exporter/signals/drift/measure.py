"""What a drift measure is, and the signal that applies it to the features and to the predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from ml_exporter.core.arrays import BoolArray, FloatArray, IntArray
from ml_exporter.core.metrics import ONE, Block, Rows, gauge
from ml_exporter.core.schema import Role
from ml_exporter.core.variants import Variant
from ml_exporter.signals.drift.comparison import (
    Comparison,
    Comparisons,
    Distribution,
    Geometry,
    baseline_of,
    geometry_of,
)
from ml_exporter.signals.signal import (
    NO_BASELINE,
    NO_EVENTS,
    TOO_FEW_SAMPLES,
    Column,
    Columns,
    JointSignal,
    ModelContext,
    Samples,
    View,
    Views,
    absences,
)

FEATURE_LABELS: Final = ("model", "version", "window", "feature")
WINDOW_LABELS: Final = ("model", "version", "window")


class Over(Enum):
    """Which variables a measure applies to, and on what it rests."""

    BINS = "bins"
    """Every variable: its bins with ``other`` and ``missing``."""
    VALUES = "values"
    """Every variable: its values, without ``missing``."""
    CATEGORIES = "categories"
    """Categorical variables: their categories with ``other`` and ``missing``."""
    CATEGORY_VALUES = "category values"
    """Categorical variables: their categories with ``other``, without ``missing``."""
    NUMBERS = "numbers"
    """Numeric variables: the numbers alone, in fine bins."""


class Noise(Enum):
    """How a measure is distributed without drift, for the fit of its noise floor."""

    LINEAR = 1
    """Like a sum of squares: of the order 1/samples."""
    ROOT = 2
    """Like the root of one: of the order 1/sqrt(samples)."""


@dataclass(frozen=True, eq=False, slots=True)
class DriftMeasure:
    """A measure of the difference of two distributions.

    ``score`` returns one value for each variable that ``over`` selects, in the order of the schema; of
    variables without rows on a side it may be anything finite. ``noise`` is None for a p-value, which needs no
    floor, and for a ``variant``: a definition of another monitor, which has none and is computed for the models
    that ask for it.
    """

    key: str
    help: str
    over: Over
    score: Callable[[Comparison], FloatArray]
    noise: Noise | None
    variant: Variant | None = None

    def variables(self, geometry: Geometry) -> IntArray:
        """Return the numbers of the variables that this measure applies to."""
        if self.over is Over.NUMBERS:
            return geometry.numeric
        if self.over in (Over.CATEGORIES, Over.CATEGORY_VALUES):
            return geometry.categorical
        return np.arange(geometry.variables)

    def samples(self, geometry: Geometry, side: Distribution) -> FloatArray:
        """Return the samples of one side on which each score rests."""
        rows = side.rows if self.over in (Over.BINS, Over.CATEGORIES) else side.values
        return rows[self.variables(geometry)].astype(np.float64)


class _Places:
    """Which of the variables of a measure are features, and which one is the output; made once a model."""

    def __init__(self, measure: DriftMeasure, context: ModelContext) -> None:
        variables = measure.variables(context.derived(geometry_of))
        roles = [context.schema.variables[number].role for number in variables]
        self.variables = variables
        self.features = np.flatnonzero([role is Role.FEATURE for role in roles])
        self.output = np.flatnonzero([role is Role.OUTPUT for role in roles])
        self.names = tuple(context.schema.variables[variables[place]].name for place in self.features)
        self.rows = Rows.of(self.names)
        baseline = context.derived(baseline_of)
        self.without_baseline: BoolArray = measure.samples(context.derived(geometry_of), baseline) == 0


class DriftSignal(JointSignal):
    """The scores of one measure for every feature and for the predictions, each with its noise floor."""

    def __init__(self, measure: DriftMeasure) -> None:
        self.key = measure.key
        self.measure = measure
        text = f"{measure.help}, of a feature within the window, against the baseline."
        self._feature = gauge(f"ml_feature_drift_{self.key}", text, *FEATURE_LABELS)
        text = f"{measure.help}, of the predictions within the window, against the baseline."
        self._output = gauge(f"ml_prediction_drift_{self.key}", text, *WINDOW_LABELS)
        self.metrics = (self._feature, self._output)
        if measure.noise is not None:
            text = f"99.9 % quantile of {self.key} without drift at this number of samples, of a feature."
            self._feature_floor = gauge(f"ml_feature_drift_{self.key}_noise_floor", text, *FEATURE_LABELS)
            text = f"99.9 % quantile of {self.key} without drift at this number of samples, of the predictions."
            self._output_floor = gauge(f"ml_prediction_drift_{self.key}_noise_floor", text, *WINDOW_LABELS)
            self.metrics += (self._feature_floor, self._output_floor)
        self.places = lambda context: _Places(measure, context)

    def over_windows(self, views: Views) -> Iterable[Samples]:
        """Yield, for each window, scores and noise floors, which are computed for all windows in one call."""
        if self.measure.variant is not None and self.measure.variant not in views.context.variants:
            return [()] * len(views)
        places = views.context.derived(self.places)
        if not len(places.variables):
            return [()] * len(views)
        pairs = views.derived(Comparisons)
        samples = pairs.by_view(self.measure.samples(pairs.geometry, pairs.window))
        few = samples < views.context.minimum_samples
        silent = few | places.without_baseline
        if silent.all():
            scores = floors = np.full(silent.shape, np.nan)
        else:
            scores = np.where(silent, np.nan, pairs.by_view(pairs.derived(self.measure.score)))
            floors = np.where(silent, np.nan, self.floors(views.context, places, samples))
        if not silent.any():
            return Columns(views, self._columns(places, scores, floors))
        return [
            self._of_view(view, places, *rows)
            for view, *rows in zip(views, scores, floors, samples, few, silent, strict=True)
        ]

    def floors(self, context: ModelContext, places: _Places, samples: FloatArray) -> FloatArray:
        """Return the noise floors at a number of samples, both (views, variables)."""
        variables = np.tile(places.variables, len(samples))
        return context.reference.noise.at(self.key, variables, samples.ravel()).reshape(samples.shape)

    def _of_view(
        self,
        view: View,
        places: _Places,
        scores: FloatArray,
        floors: FloatArray,
        samples: FloatArray,
        few: BoolArray,
        silent: BoolArray,
    ) -> Samples:
        if not silent.all():
            for metric, rows, values in self._columns(places, scores, floors):
                yield Block(metric, view.scope, rows, values)
        if silent.any():
            yield from self._absences(view, places, samples, few)

    def _columns(self, places: _Places, scores: FloatArray, floors: FloatArray) -> Iterator[Column]:
        """Yield the scores, then the noise floors, both (…, variables), of the features and of the output."""
        shown = [(scores, self._feature, self._output)]
        if self.measure.noise is not None:
            shown.append((floors, self._feature_floor, self._output_floor))
        for values, feature, output in shown:
            if len(places.features):
                yield feature, places.rows, values[..., places.features]
            if len(places.output):
                yield output, ONE, values[..., places.output]

    def _absences(self, view: View, places: _Places, samples: FloatArray, few: BoolArray) -> Samples:
        reasons = [(places.without_baseline, NO_BASELINE), (samples == 0, NO_EVENTS), (few, TOO_FEW_SAMPLES)]
        for signal, names, chosen in (
            (f"feature_drift_{self.key}", places.names, places.features),
            (f"prediction_drift_{self.key}", ("",), places.output),
        ):
            if len(chosen):
                yield from absences(view.scope, signal, names, [(mask[chosen], why) for mask, why in reasons])
