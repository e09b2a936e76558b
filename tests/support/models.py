"""Fitted baselines and model contexts for tests, made once a session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from ml_exporter.baseline.attributions import documents_of
from ml_exporter.baseline.document import BaselineDocument
from ml_exporter.baseline.fit import fit
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.reference import Reference, reference_of
from ml_exporter.baseline.rows import outcomes_of, predictions_of
from ml_exporter.baseline.schema import schema_of
from ml_exporter.baseline.source import Chunk, Column
from ml_exporter.core.columns import FeedbackColumns, OutcomeColumns, PairColumns, PredictionColumns
from ml_exporter.core.feedback import Scale
from ml_exporter.core.schema import ModelSchema, Role, Task
from ml_exporter.core.segments import SegmentOptions
from ml_exporter.core.variants import Variant
from ml_exporter.signals.drift import MEASURES
from ml_exporter.signals.drift.noise import SIZES, noise_floors
from ml_exporter.signals.signal import ModelContext
from ml_exporter.sums import FEEDBACK_TALLIES, OUTCOME_TALLIES, PAIR_TALLIES, PREDICTION_TALLIES
from ml_exporter.sums.layout import Sums
from ml_exporter.sums.tally import Tallies
from support import workload

BASELINE_ROWS = 5_000


def tallies_of(schema: ModelSchema) -> Tallies:
    """Return the tallies that the sidecar uses."""
    return Tallies(schema, PREDICTION_TALLIES, OUTCOME_TALLIES, FEEDBACK_TALLIES, PAIR_TALLIES)


def chunk_of(columns: workload.Table) -> Chunk:
    """Return a table as a chunk of a file."""
    chunk: Chunk = {}
    for name, values in columns.items():
        if values.dtype == object:
            missing = np.array([value is None for value in values], bool)
        else:
            missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), bool)
        chunk[name] = Column(values if values.dtype != bool else values.astype(object), missing)
    return chunk


def options_of(task: Task) -> FitOptions:
    """Return how the columns of the workload are to be read."""
    parted: dict[str, Any] = {
        "exclude": frozenset({"region"}),
        "segments": {"region": (), "few": (), "tied": (6.0, 18.0)},
    }
    if task is Task.BINARY:
        return FitOptions(task, label="label", score="score", multivariate=True, **parted)
    if task is Task.MULTICLASS:
        parted["class_scores"] = {name: f"score:{name}" for name in workload.CLASSES}
    return FitOptions(task, label="label", prediction="prediction", **parted)


@cache
def baseline(task: Task = Task.BINARY, noise: bool = False) -> BaselineDocument:
    """Return the baseline of 5,000 rows of the workload."""
    columns = workload.table(BASELINE_ROWS, seed=1, task=task)

    def chunks() -> Iterator[Chunk]:
        for start in range(0, BASELINE_ROWS, 2_000):
            yield chunk_of(workload.take(columns, slice(start, start + 2_000)))

    def floors(*known: Any) -> dict[str, list[float]]:
        return noise_floors(*known, MEASURES) if noise else {}

    found = fit(
        chunks, options_of(task), tallies_of, floors, SIZES if noise else (), source="workload", created=1.0e9
    ).document
    if task is Task.BINARY:
        names = [variable.name for variable in found.variables if variable.role == Role.FEATURE]
        told = dict(zip(names, workload.attributions(columns, names), strict=True))
        found.attributions = documents_of([chunk_of(told)], names)
        found.sha256 = found.digest()
    return found


class Model:
    """A model with everything that is derived from its baseline."""

    def __init__(self, task: Task = Task.BINARY, noise: bool = False, minimum: int = 100) -> None:
        self.task = task
        self.document = baseline(task, noise)
        protected = {"region": SegmentOptions(reference="north")} if task is Task.BINARY else {}
        scale = Scale(1, 5) if task is Task.BINARY else None
        self.schema, self.problems = schema_of(
            "model", task, self.document, {}, segments=protected, feedback=scale
        )
        self.schema = replace(self.schema, is_shadow=True)
        self.tallies = tallies_of(self.schema)
        self.reference: Reference = reference_of(self.schema, self.tallies, self.document)
        self.context = ModelContext(self.reference, minimum, variants=Variant)

    def predictions(self, columns: workload.Table) -> PredictionColumns:
        """Return the rows of a table as predictions."""
        result = predictions_of(chunk_of(columns), self.schema, options_of(self.task))
        if self.schema.attributed:
            result.attributions = workload.attributions(columns, [v.name for v in self.schema.features])
        return result

    def outcomes(self, columns: workload.Table) -> OutcomeColumns:
        """Return the rows of a table with their labels."""
        predictions = self.predictions(columns)
        return outcomes_of(predictions, chunk_of(columns)["label"], self.schema)

    def feedback(self, columns: workload.Table) -> FeedbackColumns:
        """Return what people said about the rows of a table: a rating, or of some a thumb."""
        rating, thumb = workload.feedback(columns)
        return FeedbackColumns(rating, thumb)

    def pairs(self, columns: workload.Table) -> PairColumns:
        """Return the rows of a table as predictions beside those of a version that is a little surer."""
        made = self.predictions(columns)
        working = np.clip(made.output * 1.25, 0.0, 1.0) if self.task is Task.BINARY else made.output * 1.25
        classes = max(len(self.schema.classes), 1)
        moved = np.where(np.nan_to_num(columns["lognormal"]) > 2.0, (made.predicted + 1) % classes, made.predicted)
        return PairColumns(made.output, made.predicted, working, moved.astype(np.int32))

    def sums(self, columns: workload.Table) -> Sums:
        """Return the sums over a table."""
        sums = self.tallies.zero()
        self.tallies.add_predictions(self.predictions(columns), sums)
        self.tallies.add_outcomes(self.outcomes(columns), sums)
        self.tallies.add_pairs(self.pairs(columns), sums)
        if self.schema.feedback is not None:
            self.tallies.add_feedback(self.feedback(columns), sums)
        return sums
