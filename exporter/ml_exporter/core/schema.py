"""What is known about a model before its first event: its task, its variables, their bins and units."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from typing import Final

import numpy as np

from ml_exporter.core.arrays import FloatArray, IntArray
from ml_exporter.core.calibration import CalibrationMap
from ml_exporter.core.feedback import Scale
from ml_exporter.core.multivariate import Multivariate
from ml_exporter.core.segments import MISSING_GROUP, OTHER, Segment
from ml_exporter.core.text import label_value

MISSING_BIN: Final = MISSING_GROUP

_TAILS: Final = np.array([step / 10.0**digits for digits in (3, 4, 5) for step in (1, 2, 3, 5, 7)])
SCORE_TAILS: Final = np.concatenate((_TAILS, 1.0 - _TAILS))
"""Edges of score bins near 0 and 1 (chosen): a rare class has its scores there."""

EVEN_EDGES: Final = np.unique(np.concatenate((np.arange(1, 100) / 100, SCORE_TAILS)))
"""Edges of score bins where no baseline tells of scores: hundredths, and the tails."""

EVEN_GROUPS: Final = np.concatenate(([0], EVEN_EDGES.searchsorted(np.arange(5, 100, 5) / 100) + 1))
"""The first of these bins of each twentieth."""


class Task(StrEnum):
    """What the model predicts."""

    BINARY = "binary_classification"
    MULTICLASS = "multiclass_classification"
    REGRESSION = "regression"


class FeatureKind(StrEnum):
    """How the values of a feature are compared: by order, by name, or by the length of a text."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class FeatureOptions:
    """What a configuration says about one feature; None where it leaves the word to the baseline."""

    kind: FeatureKind | None = None
    range: tuple[float, float] | None = None
    categories: tuple[str, ...] | None = None
    sensitive: bool | None = None


class Role(StrEnum):
    """Whether a variable enters the model or leaves it."""

    FEATURE = "feature"
    OUTPUT = "prediction"


@dataclass(frozen=True, eq=False, slots=True)
class NumericVariable:
    """A numeric feature, the length of a text, a score or a regression output, with its fine bins.

    ``edges`` are the interior bin edges, ascending: bin ``i`` holds ``edges[i-1] <= x < edges[i]``, the
    first and the last bin are open. ``groups`` holds the first fine bin of each exposed bin (a decile
    of the baseline where ties allow). ``center`` and ``scale`` are the baseline's mean and standard
    deviation, the unit of the value sums. Values outside ``[lower, upper]`` count as out of range.
    ``minimum`` and ``maximum`` are the baseline's extremes, infinite where it does not tell them. ``is_text``
    tells that events carry a text, whose number of characters (Unicode code points) is the value.
    """

    name: str
    edges: FloatArray
    groups: IntArray
    center: float = 0.0
    scale: float = 1.0
    lower: float = -np.inf
    upper: float = np.inf
    minimum: float = -np.inf
    maximum: float = np.inf
    sensitive: bool = False
    role: Role = Role.FEATURE
    is_text: bool = False

    @property
    def kind(self) -> FeatureKind:
        """How its values are compared."""
        return FeatureKind.TEXT if self.is_text else FeatureKind.NUMERIC

    @property
    def bins(self) -> int:
        """The number of fine bins."""
        return len(self.edges) + 1

    def bin_labels(self) -> tuple[str, ...]:
        """Return the label of each exposed bin: its interval, or its number for a sensitive feature."""
        if self.sensitive:
            return tuple(f"b{number:02d}" for number in range(1, len(self.groups) + 1))
        cuts = [self.edges[start - 1] for start in self.groups[1:]]
        for digits in range(4, 18):
            shown = [f"{cut:.{digits}g}" for cut in cuts]
            if len(set(shown)) == len(shown):
                break
        bounds = ["-Inf", *shown, "+Inf"] if cuts else ["-Inf", "+Inf"]
        return tuple(f"{'(' if low == '-Inf' else '['}{low}, {high})" for low, high in pairwise(bounds))

    def identity(self) -> bytes:
        """Return what the sums of this variable depend on."""
        numbers = np.array([self.center, self.scale], np.float64)
        return b"|".join(
            [
                self.role.value.encode(),
                self.name.encode("utf-8", "replace"),
                self.edges.astype("<f8").tobytes(),
                self.groups.astype("<i8").tobytes(),
                numbers.astype("<f8").tobytes(),
                *([self.kind.value.encode()] if self.is_text else []),
            ]
        )


@dataclass(frozen=True, eq=False, slots=True)
class CategoricalVariable:
    """A categorical feature or the class that a classifier predicts: its known categories, in order."""

    name: str
    categories: tuple[str, ...]
    sensitive: bool = False
    role: Role = Role.FEATURE

    @property
    def kind(self) -> FeatureKind:
        """How its values are compared."""
        return FeatureKind.CATEGORICAL

    def bin_labels(self) -> tuple[str, ...]:
        """Return the label of each category: itself, or its number for a sensitive feature."""
        if self.sensitive:
            return tuple(f"c{number:02d}" for number in range(1, len(self.categories) + 1))
        reserved = {OTHER, MISSING_BIN}
        return tuple(label_value(f'"{name}"' if name in reserved else name) for name in self.categories)

    def identity(self) -> bytes:
        """Return what the sums of this variable depend on."""
        parts = [self.role.value, self.name, *self.categories]
        return "|".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "replace")


Variable = NumericVariable | CategoricalVariable


@dataclass(frozen=True, eq=False, slots=True)
class ModelSchema:
    """A model's task, variables and units.

    ``numeric`` and ``categorical`` hold the features and, last in its kind, the output. ``classes`` are
    the class names of a classifier in the order of its codes; ``positive`` is the code of the positive
    class and ``threshold`` the score from which on it is predicted, both for binary classifiers only.
    ``score_edges`` are the interior edges of the score bins, the tenths among them, and ``score_groups``
    the first score bin of each exposed one. ``label_center`` is taken from regression labels
    before they are summed, and ``label_scale`` is how far they spread on the baseline, 0 if it had none.
    ``segments`` are the ways in which predictions are parted besides, ``attributed`` says
    whether events carry an attribution for each feature, ``multivariate`` how rows are looked at as a whole, if
    the baseline was fitted for it, ``feedback`` the scale of ratings, if people may give them. ``calibration``
    turns scores into probabilities: a map for the positive class, or one for each class; none where the baseline
    has none. ``is_shadow`` says that a version answers only beside the one at work.
    """

    name: str
    task: Task
    numeric: tuple[NumericVariable, ...] = ()
    categorical: tuple[CategoricalVariable, ...] = ()
    classes: tuple[str, ...] = ()
    positive: int = 1
    threshold: float = 0.5
    score_edges: FloatArray = field(default_factory=lambda: EVEN_EDGES)
    score_groups: IntArray = field(default_factory=lambda: EVEN_GROUPS)
    label_center: float = 0.0
    label_scale: float = 0.0
    segments: tuple[Segment, ...] = ()
    attributed: bool = False
    multivariate: Multivariate | None = None
    calibration: tuple[CalibrationMap, ...] = ()
    feedback: Scale | None = None
    is_shadow: bool = False

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Numeric variables, then categorical ones: the order of every per-variable array."""
        return (*self.numeric, *self.categorical)

    @property
    def features(self) -> tuple[Variable, ...]:
        """The variables that enter the model."""
        return tuple(variable for variable in self.variables if variable.role is Role.FEATURE)

    @property
    def output(self) -> Variable | None:
        """The variable that leaves the model, if its distribution is known."""
        return next((variable for variable in self.variables if variable.role is Role.OUTPUT), None)

    @property
    def is_classifier(self) -> bool:
        """Whether the model predicts classes."""
        return self.task is not Task.REGRESSION

    def fingerprint(self) -> str:
        """Return a hash of all that the meaning of the sums depends on.

        Two schemas with one fingerprint may add their sums; a checkpoint of another fingerprint may not
        be loaded. Thresholds, ranges and names that only label the numbers do not count.
        """
        digest = hashlib.sha256()
        digest.update(self.task.value.encode())
        for variable in self.variables:
            digest.update(variable.identity())
        digest.update("|".join(f"{len(name)}:{name}" for name in self.classes).encode("utf-8", "replace"))
        digest.update(bytes([self.positive % 256]))
        digest.update(self.score_edges.astype("<f8").tobytes())
        digest.update(np.float64(self.label_center).tobytes())
        if self.label_scale:
            digest.update(np.float64(self.label_scale).tobytes())
        for segment in self.segments:
            digest.update(segment.identity())
        if self.attributed:
            digest.update(b"attributed")
        if self.multivariate is not None:
            digest.update(self.multivariate.identity())
        for calibration in self.calibration:
            digest.update(calibration.identity())
        if self.feedback is not None:
            digest.update(self.feedback.identity())
        if self.is_shadow:
            digest.update(b"shadow")
        return digest.hexdigest()[:16]

    def renamed(self, name: str) -> ModelSchema:
        """Return the same schema under another model name."""
        return replace(self, name=name)
