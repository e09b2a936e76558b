"""Rows of a table as the columns of events that the tallies count."""

from __future__ import annotations

import numpy as np

from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.source import Chunk, Column
from ml_exporter.core.arrays import ABSENT, CodeArray, FloatArray
from ml_exporter.core.columns import NO_CLASS, OutcomeColumns, PredictionColumns, likeliest
from ml_exporter.core.privacy import masked
from ml_exporter.core.schema import CategoricalVariable, ModelSchema, NumericVariable, Role, Task
from ml_exporter.core.segments import SegmentKind
from ml_exporter.sums.segments import group_codes
from ml_exporter.sums.variables import STATUSES


def predictions_of(chunk: Chunk, schema: ModelSchema, options: FitOptions) -> PredictionColumns:
    """Return the rows of ``chunk`` as predictions; a feature that is no column of it is absent in all of them.

    As in the intake, the class of a row that names no known one follows from its scores.
    """
    rows = len(next(iter(chunk.values())).values)
    nothing = np.full(rows, np.nan)
    output = nothing
    predicted = np.full(rows, NO_CLASS, np.int32)
    scores = _class_scores(chunk, schema, options)
    source = options.prediction if schema.task is Task.REGRESSION else options.score
    if source is not None and schema.task is not Task.MULTICLASS:
        output = chunk[source].numbers()
    if scores is not None:
        predicted = likeliest(scores)
    elif schema.task is Task.BINARY:
        codes = np.where(output >= schema.threshold, schema.positive, 1 - schema.positive)
        predicted = np.where(np.isnan(output), NO_CLASS, codes).astype(np.int32)
    if options.prediction is not None and schema.is_classifier:
        named = _codes(chunk[options.prediction], schema.classes, missing=NO_CLASS, other=NO_CLASS)
        predicted = np.where(named == NO_CLASS, predicted, named).astype(np.int32)
    numeric = [output if v.role is Role.OUTPUT else _numbers(chunk, v, rows) for v in schema.numeric]
    categorical = [_category_codes(chunk, variable, predicted, options) for variable in schema.categorical]
    numbers = np.array(numeric, np.float64).reshape(len(numeric), rows)
    codes = np.array(categorical, np.int32).reshape(len(categorical), rows)
    sent = {
        segment.name: _codes(chunk[segment.name], segment.values, missing=segment.named + 1, other=segment.named)
        for segment in schema.segments
        if segment.kind is SegmentKind.SENT and segment.name in chunk
    }
    return PredictionColumns(
        numeric=numbers,
        categorical=codes,
        output=output,
        predicted=predicted,
        class_scores=scores,
        latency=nothing,
        failed=np.zeros(rows, bool),
        timestamp=nothing,
        segments=group_codes(schema, numbers, codes, sent),
    )


def _class_scores(chunk: Chunk, schema: ModelSchema, options: FitOptions) -> FloatArray | None:
    if schema.task is not Task.MULTICLASS or not options.class_scores:
        return None
    return np.array([chunk[options.class_scores[name]].numbers() for name in schema.classes])


def _numbers(chunk: Chunk, variable: NumericVariable, rows: int) -> FloatArray:
    return chunk[variable.name].numbers(variable.is_text) if variable.name in chunk else np.full(rows, ABSENT)


def _category_codes(
    chunk: Chunk, variable: CategoricalVariable, predicted: CodeArray, options: FitOptions
) -> CodeArray:
    known = len(variable.categories)
    if variable.role is Role.OUTPUT:
        return np.where(predicted == NO_CLASS, known + STATUSES.index("missing"), predicted).astype(np.int32)
    if variable.name not in chunk:
        return np.full(len(predicted), known + STATUSES.index("absent"), np.int32)
    key = options.key if variable.sensitive else None
    gap = known + STATUSES.index("missing")
    return _codes(chunk[variable.name], variable.categories, missing=gap, other=known, key=key)


def _codes(
    column: Column, known: tuple[str, ...], *, missing: int, other: int, key: bytes | None = None
) -> CodeArray:
    """Return the place of each value's name among those known; with a ``key`` they know it masked."""
    places = {name: place for place, name in enumerate(known)}

    def code_of(name: str | None) -> int:
        if name is None:
            return missing
        return places.get(name if key is None else masked(name, key), other)

    return column.codes(code_of)


def outcomes_of(columns: PredictionColumns, label: Column, schema: ModelSchema) -> OutcomeColumns:
    """Return the rows of ``columns`` that have a usable label, with it."""
    if schema.is_classifier:
        codes = _codes(label, schema.classes, missing=NO_CLASS, other=NO_CLASS)
        truth: FloatArray = np.where(codes == NO_CLASS, np.nan, codes)
    else:
        truth = label.numbers()
    known = ~np.isnan(truth)
    rows = int(np.count_nonzero(known))
    segments = None if columns.segments is None else columns.segments[:, known]
    scores = None if columns.class_scores is None else columns.class_scores[:, known]
    return OutcomeColumns(
        columns.output[known], columns.predicted[known], scores, truth[known], np.zeros(rows), segments
    )
