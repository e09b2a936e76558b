"""What a person tells ``baseline fit`` about the columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ml_exporter.core.schema import FeatureKind, Task


@dataclass(frozen=True)
class FitOptions:
    """Which columns are what.

    ``kinds`` overrides what the values suggest; ``key`` masks sensitive names; ``segments`` are columns by whose
    values, or edges, rows are parted; ``multivariate`` asks for sums over whole rows; ``class_scores`` are the
    columns of a multiclass model's scores, by class; ``timestamp`` is the time of the prediction.
    """

    task: Task
    label: str | None = None
    score: str | None = None
    prediction: str | None = None
    exclude: frozenset[str] = frozenset()
    kinds: Mapping[str, FeatureKind] = field(default_factory=dict)
    sensitive: frozenset[str] = frozenset()
    key: bytes | None = None
    positive_class: str | None = None
    threshold: float = 0.5
    segments: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    multivariate: bool = False
    class_scores: Mapping[str, str] = field(default_factory=dict)
    timestamp: str | None = None

    @property
    def roles(self) -> dict[str, str]:
        """Return what the columns are that are no features, by name."""
        roles = {
            self.label: "label",
            self.score: "score",
            self.prediction: "prediction",
            self.timestamp: "timestamp",
        }
        roles |= dict.fromkeys(self.class_scores.values(), "score")
        return {name: role for name, role in roles.items() if name is not None}
