"""What the lines of the prediction log say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from ml_exporter.config.sections import HASHED
from ml_exporter.config.settings import PredictionLogSettings
from ml_exporter.core import ecs
from ml_exporter.core.arrays import FloatArray, payload_of
from ml_exporter.core.columns import PredictionColumns
from ml_exporter.core.privacy import masked
from ml_exporter.core.schema import CategoricalVariable, ModelSchema, Variable
from ml_exporter.core.segments import OTHER
from ml_exporter.core.text import category_name
from ml_exporter.ingest.queue import ModelIntake
from ml_exporter.sums.variables import STATUSES

DATASET: Final = "ml_exporter.prediction"
SERVICE: Final = "ml-exporter"

_ABSENT: Final = object()
"""Stands for a feature that is left out of a line."""

_ABSENT_PAYLOAD: Final = 1

Values = Callable[[PredictionColumns], list[Any]]
"""Returns the value of one feature for each row of a batch."""


class Lines:
    """Makes lines of batches. A feature is written by its name; ``null`` is a missing or unusable value."""

    def __init__(self, settings: PredictionLogSettings, key: bytes) -> None:
        self._hashed_ids = settings.ids == HASHED
        self._hashed_values = settings.sensitive == HASHED
        self._key = key
        self._features: dict[str, tuple[ModelIntake, list[tuple[str, Values]]]] = {}

    def predictions(
        self,
        intake: ModelIntake,
        ids: Sequence[Any],
        columns: PredictionColumns,
        versions: Sequence[str],
        wall: float,
    ) -> list[bytes]:
        """Return the lines of predictions, one for each row; ``wall`` is the time of those without one."""
        schema = intake.types.schema
        features = [(name, values(columns)) for name, values in self._readers(intake)]
        times, latencies = columns.timestamp.tolist(), columns.latency.tolist()
        outputs, predicted, failed = columns.output.tolist(), columns.predicted.tolist(), columns.failed.tolist()
        scores = None if columns.class_scores is None else columns.class_scores.T.tolist()
        lines = []
        for row, id in enumerate(ids):
            time = times[row] if times[row] >= 0 else wall
            line = self._line(time, "prediction", "failure" if failed[row] else "success")
            if math.isfinite(latencies[row]):
                line["event.duration"] = round(latencies[row] * 1e9)
            given = self._id(id)
            if schema.is_classifier:
                if predicted[row] >= 0:
                    given["class"] = schema.classes[predicted[row]]
                if not math.isnan(outputs[row]):
                    given["score"] = outputs[row]
            elif not math.isnan(outputs[row]):
                given["value"] = outputs[row]
            if scores is not None:
                named = zip(schema.classes, scores[row], strict=True)
                if known := {name: score for name, score in named if not math.isnan(score)}:
                    given["scores"] = known
            line[ecs.OWN] = {
                "model": {"name": intake.name, "version": versions[row]},
                "prediction": given,
                "features": {name: values[row] for name, values in features if values[row] is not _ABSENT},
            }
            lines.append(ecs.encoded(line))
        return lines

    def labels(
        self, intake: ModelIntake, ids: Sequence[Any], labels: FloatArray, times: FloatArray
    ) -> list[bytes]:
        """Return the lines of labels, each array (labels,): codes of classes, or values."""
        schema = intake.types.schema
        lines = []
        for id, label, time in zip(ids, labels.tolist(), times.tolist(), strict=True):
            line = self._line(time, "label", "success")
            line[ecs.OWN] = {
                "model": {"name": intake.name},
                "prediction": self._id(id),
                "label": {"class": schema.classes[int(label)]} if schema.is_classifier else {"value": label},
            }
            lines.append(ecs.encoded(line))
        return lines

    def _line(self, time: float, action: str, outcome: str) -> dict[str, Any]:
        return ecs.line(time, "info", action, DATASET, SERVICE) | {
            "event.kind": "event",
            "event.action": action,
            "event.outcome": outcome,
        }

    def _id(self, id: str | int | None) -> dict[str, Any]:
        if id is None or id == "":
            return {}
        return {"id": masked(str(id), self._key) if self._hashed_ids else str(id)}

    def _readers(self, intake: ModelIntake) -> list[tuple[str, Values]]:
        """Return the features that are written, each with the function that reads it."""
        known = self._features.get(intake.name)
        if known is None or known[0] is not intake:
            known = self._features[intake.name] = (intake, self._make_readers(intake.types.schema))
        return known[1]

    def _make_readers(self, schema: ModelSchema) -> list[tuple[str, Values]]:
        features = set(map(id, schema.features))
        readers: list[tuple[str, Values]] = []
        variables: tuple[Sequence[Variable], ...] = (schema.numeric, schema.categorical)
        for kind in variables:
            for place, variable in enumerate(kind):
                if id(variable) in features and (self._hashed_values or not variable.sensitive):
                    if isinstance(variable, CategoricalVariable):
                        readers.append((variable.name, _categories(place, variable)))
                    else:
                        key = self._key if variable.sensitive else None
                        readers.append((variable.name, _numbers(place, key)))
        return readers


def _numbers(place: int, key: bytes | None) -> Values:
    """Read a numeric feature, as hashes under ``key`` if there is one."""

    def values(columns: PredictionColumns) -> list[Any]:
        numbers = columns.numeric[place]
        shown: list[Any] = [None if math.isnan(number) else number for number in numbers.tolist()]
        if key is not None:
            shown = [None if number is None else masked(category_name(number), key) for number in shown]
        if None in shown:
            absent = (payload_of(numbers) == _ABSENT_PAYLOAD).tolist()
            shown = [_ABSENT if gone and item is None else item for item, gone in zip(shown, absent, strict=True)]
        return shown

    return values


def _categories(place: int, variable: CategoricalVariable) -> Values:
    """Read a categorical feature: the names of a sensitive one are hashes already."""
    names = variable.categories if variable.sensitive else variable.bin_labels()
    unusable = {"other": OTHER, "missing": None, "absent": _ABSENT, "type_error": None}
    shown = [*names, *(unusable[status] for status in STATUSES)]

    def values(columns: PredictionColumns) -> list[Any]:
        return [shown[code] for code in columns.categorical[place].tolist()]

    return values
