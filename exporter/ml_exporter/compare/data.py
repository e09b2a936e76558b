"""Rows of a file as the sums that the sidecar would have counted, beside those of a baseline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from ml_exporter.baseline.document import BaselineDocument
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.reference import reference_of
from ml_exporter.baseline.rows import outcomes_of, predictions_of
from ml_exporter.baseline.schema import schema_of
from ml_exporter.baseline.source import Chunk
from ml_exporter.core.errors import BaselineError, nearest
from ml_exporter.core.schema import CategoricalVariable, ModelSchema, NumericVariable, Role, Task
from ml_exporter.core.variants import Variant
from ml_exporter.signals.signal import ModelContext
from ml_exporter.sums import OUTCOME_TALLIES, PREDICTION_TALLIES
from ml_exporter.sums.layout import Sums
from ml_exporter.sums.tally import Tallies

KEYS: Final = ("label", "score", "prediction")
"""What a column may hold beside a feature, under the names that events have in the intake."""


@dataclass(frozen=True)
class Reading:
    """How the rows of a file are read and compared.

    ``columns`` names the column of each of :data:`KEYS` that has another name, ``class_scores`` those of the
    classes of a multiclass model; ``key`` masks sensitive categories. Below ``minimum_samples`` there is no
    number; ``variants`` are whose definitions of drift are wanted beside ours.
    """

    columns: Mapping[str, str]
    class_scores: Mapping[str, str]
    key: bytes | None
    minimum_samples: int
    variants: tuple[Variant, ...] = ()


@dataclass
class Counted:
    """The sums of a file's rows, and what of the file could not be compared.

    ``absent`` are features of the baseline without a column, ``unpredicted`` the columns of which one would have
    held the predictions that the baseline has.
    ``strange_labels`` counts labels that are no class or number of the baseline.
    """

    context: ModelContext
    sums: Sums
    rows: int = 0
    labels: int = 0
    strange_labels: int = 0
    absent: tuple[str, ...] = ()
    unpredicted: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)


def count(document: BaselineDocument, chunks: Iterable[Chunk], source: str, reading: Reading) -> Counted:
    """Return the sums over all chunks; BaselineError if they cannot be compared with the baseline.

    ``source`` is what errors call the data.
    """
    task = Task(document.task)
    schema, _ = schema_of("", task, document, {})
    masked = [v.name for v in schema.categorical if v.sensitive]
    if masked and reading.key is None:
        raise BaselineError(f'feature "{masked[0]}" is sensitive: its categories need --sensitive-key-file')
    counted: Counted | None = None
    for chunk in chunks:
        if counted is None:
            counted, schema, options = _begin(document, schema, chunk, reading)
            tallies = _tallies(schema)
        rows = predictions_of(chunk, schema, options)
        if task is Task.BINARY and bool(((rows.output < 0) | (rows.output > 1)).any()):
            raise BaselineError(f'{source}: column "{options.score}": scores must lie between 0 and 1')
        if rows.class_scores is not None and bool(((rows.class_scores < 0) | (rows.class_scores > 1)).any()):
            columns_of_scores = ", ".join(options.class_scores.values())
            raise BaselineError(f"{source}: columns {columns_of_scores}: scores must lie between 0 and 1")
        tallies.add_predictions(rows, counted.sums)
        counted.rows += rows.rows
        if options.label is not None:
            outcomes = outcomes_of(rows, chunk[options.label], schema)
            if outcomes.rows:
                tallies.add_outcomes(outcomes, counted.sums)
            counted.labels += outcomes.rows
            given = int(np.count_nonzero(~chunk[options.label].missing))
            counted.strange_labels += max(given - outcomes.rows, 0)
    if counted is None or not counted.rows:
        raise BaselineError(f"{source}: there are no rows")
    return counted


def _begin(
    document: BaselineDocument, schema: ModelSchema, chunk: Chunk, reading: Reading
) -> tuple[Counted, ModelSchema, FitOptions]:
    """Return empty sums, the schema of what can be compared, and which column is what."""
    features = {variable.name for variable in schema.features}
    found: dict[str, str] = {}
    for name in KEYS:
        column = reading.columns.get(name, name)
        if column in chunk and (name in reading.columns or column not in features):
            found[name] = column
        elif name in reading.columns:
            known = nearest(column, chunk) or f"; there are {', '.join(list(chunk)[:10])}"
            raise BaselineError(f'--{name}: no column "{column}"{known}')
    if not features & chunk.keys():
        known = ", ".join(list(chunk)[:10])
        raise BaselineError(f"no column is a feature of the baseline; there are {known}")
    output = schema.output
    read_from = {"prediction"} if schema.task is not Task.BINARY else {"score", "prediction"}
    if isinstance(output, NumericVariable) and schema.task is Task.BINARY:
        read_from = {"score"}
    unpredicted: tuple[str, ...] = ()
    scores = _class_scores(schema, chunk, reading.class_scores)
    if output is not None and not (read_from & found.keys() or scores):
        schema, unpredicted = _without_output(schema), tuple(sorted(read_from, reverse=True))
    if schema.task is not Task.BINARY:
        found.pop("score", None)
    tallies = _tallies(schema)
    reference = reference_of(schema, tallies, document)
    context = ModelContext(reference, reading.minimum_samples, variants=reading.variants)
    absent = tuple(name for name in (v.name for v in schema.features) if name not in chunk)
    told = (found.get("label"), found.get("score"), found.get("prediction"))
    options = FitOptions(schema.task, *told, key=reading.key, class_scores=scores)
    counted = Counted(context, tallies.zero(), absent=absent, unpredicted=unpredicted, columns=found)
    return counted, schema, options


def _class_scores(schema: ModelSchema, chunk: Chunk, given: Mapping[str, str]) -> dict[str, str]:
    """Return the column of each class's score: as given, or as events have them; nothing if there are none."""
    if given and schema.task is not Task.MULTICLASS:
        raise BaselineError(f"--class-score: is for multiclass_classification, the baseline is of {schema.task}")
    if given and given.keys() != set(schema.classes):
        wanted = ", ".join(schema.classes)
        raise BaselineError(f"--class-score: needs one for each class of the baseline, {wanted}")
    for column in given.values():
        if column not in chunk:
            raise BaselineError(f'--class-score: no column "{column}"{nearest(column, chunk)}')
    found = given or {name: f"scores.{name}" for name in schema.classes if schema.task is Task.MULTICLASS}
    return dict(found) if chunk.keys() >= set(found.values()) else {}


def _without_output(schema: ModelSchema) -> ModelSchema:
    numeric: tuple[NumericVariable, ...] = tuple(v for v in schema.numeric if v.role is not Role.OUTPUT)
    categorical: tuple[CategoricalVariable, ...] = tuple(
        v for v in schema.categorical if v.role is not Role.OUTPUT
    )
    return replace(schema, numeric=numeric, categorical=categorical)


def _tallies(schema: ModelSchema) -> Tallies:
    return Tallies(schema, PREDICTION_TALLIES, OUTCOME_TALLIES)
