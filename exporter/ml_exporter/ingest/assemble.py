"""Decoded events as the columns that the tallies count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np
from xxhash import xxh3_64_intdigest

from ml_exporter.core.arrays import ABSENT, MISSING, NONFINITE, BoolArray, CodeArray, FloatArray, HashArray
from ml_exporter.core.columns import NO_CLASS, PredictionColumns
from ml_exporter.core.schema import CategoricalVariable, NumericVariable, Task
from ml_exporter.ingest.events import ABSENT_CATEGORY, EventTypes
from ml_exporter.sums.variables import STATUSES

_ID, _FEATURES, _SCORE, _SCORES = (attrgetter(name) for name in ("id", "features", "score", "scores"))
_PREDICTION, _LATENCY, _ERROR = (attrgetter(name) for name in ("prediction", "latency_seconds", "error"))
_TIMESTAMP, _VERSION = attrgetter("timestamp"), attrgetter("version")


@dataclass(slots=True)
class Predictions:
    """A batch of predictions ready to be counted: columns, hashed ids, and the version of each row.

    ``versions`` has one name for each row, or a single one for all of them.
    """

    columns: PredictionColumns
    hashes: HashArray
    identified: BoolArray
    versions: list[str]


def from_events(types: EventTypes, events: Sequence[Any], default_version: str, seed: int) -> Predictions:
    """Return the columns of decoded ``types.Event`` objects, one row each."""
    rows = len(events)
    nothing = types.no_features
    features = [event.features or nothing for event in events]
    numeric = _matrix(types, features, rows)
    categorical = [
        np.fromiter(map(codes.__getitem__, map(of, features)), np.int32, rows)
        for codes, of in zip(types.codes, types.categorical_of, strict=True)
    ]
    given = [_SCORES(event) for event in events] if types.schema.task is Task.MULTICLASS else []
    scores = _scores_by_row(types, given) if any(given) else None
    return _finish(
        types,
        numeric,
        categorical,
        ids=list(map(_ID, events)),
        score=np.fromiter(map(_SCORE, events), np.float64, rows),
        scores=scores,
        predictions=list(map(_PREDICTION, events)),
        latency=np.fromiter(map(_LATENCY, events), np.float64, rows),
        errors=list(map(_ERROR, events)),
        timestamps=list(map(_TIMESTAMP, events)),
        versions=list(map(_VERSION, events)),
        default_version=default_version,
        seed=seed,
    )


def from_columns(types: EventTypes, columns: Any, rows: int, default_version: str, seed: int) -> Predictions:
    """Return the columns of a decoded ``types.Columns`` object whose lists are all of length ``rows``."""
    features = columns.features or types.FeatureColumns()
    numeric = np.empty((len(types.numeric), rows), np.float64)
    for place, of in enumerate(types.numeric_of):
        values = of(features)
        numeric[place] = ABSENT if values is None else values
    categorical = []
    for codes, of in zip(types.codes, types.categorical_of, strict=True):
        values = of(features)
        if values is None:
            categorical.append(np.full(rows, codes[ABSENT_CATEGORY], np.int32))
        else:
            categorical.append(np.fromiter(map(codes.__getitem__, values), np.int32, rows))
    scores = None
    if columns.scores and types.schema.task is Task.MULTICLASS:
        scores = np.full((len(types.schema.classes), rows), np.nan)
        for name, values in columns.scores.items():
            code = types.classes[name]
            if code < len(scores):
                scores[code] = values
    nothing = [None] * rows
    return _finish(
        types,
        numeric,
        categorical,
        ids=columns.id or nothing,
        score=np.array(columns.score or nothing, np.float64),
        scores=scores,
        predictions=columns.prediction or nothing,
        latency=np.array(columns.latency_seconds or nothing, np.float64),
        errors=columns.error or nothing,
        timestamps=columns.timestamp or nothing,
        versions=columns.version or nothing,
        default_version=default_version,
        seed=seed,
    )


def hash_ids(ids: Sequence[str | int | None], seed: int) -> tuple[HashArray, BoolArray]:
    """Return the 64-bit hash of each id, and which of them are there; an int and its digits are one id.

    The hash is xxh3 with a seed of the state directory's own: ids are not kept in the clear.
    """
    texts = [item if type(item) is str else "" if item is None else str(item) for item in ids]
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    hashes = np.fromiter((xxh3_64_intdigest(item, seed) for item in encoded), np.uint64, len(ids))
    identified = np.ones(len(ids), bool)
    if None in ids:
        identified[:] = [item is not None for item in ids]
    return hashes, identified


def times_of(values: Sequence[datetime | float | None]) -> FloatArray:
    """Return seconds since the Unix epoch, NaN where no time is given."""
    if all(value is None for value in values):
        return np.full(len(values), np.nan)
    return np.array([value.timestamp() if isinstance(value, datetime) else value for value in values], np.float64)


def class_codes(types: EventTypes, values: Sequence[Any]) -> CodeArray:
    """Return the class code of each value, -1 where there is none or it is unknown."""
    codes = np.fromiter(map(types.classes.__getitem__, values), np.int32, len(values))
    codes[codes >= len(types.schema.classes)] = NO_CLASS
    return codes


def _matrix(types: EventTypes, features: list[Any], rows: int) -> FloatArray:
    width = len(types.numeric)
    flat = chain.from_iterable(map(types.numeric_row, features))
    table = np.fromiter(flat, np.float64, rows * width).reshape(rows, width)
    return np.ascontiguousarray(table.T)


def _scores_by_row(types: EventTypes, given: list[dict[str, float] | None]) -> FloatArray:
    scores = np.full((len(types.schema.classes), len(given)), np.nan)
    for row, by_class in enumerate(given):
        for name, score in (by_class or {}).items():
            code = types.classes[name]
            if code < len(scores):
                scores[code, row] = score
    return scores


def _finish(
    types: EventTypes,
    numeric: FloatArray,
    categorical: list[CodeArray],
    *,
    ids: Sequence[str | int | None],
    score: FloatArray,
    scores: FloatArray | None,
    predictions: Sequence[Any],
    latency: FloatArray,
    errors: Sequence[bool | str | None],
    timestamps: Sequence[datetime | float | None],
    versions: Sequence[str | int | None],
    default_version: str,
    seed: int,
) -> Predictions:
    rows = len(score)
    schema = types.schema
    if schema.task is Task.REGRESSION:
        output: FloatArray = np.array(predictions, np.float64)
        predicted = np.full(rows, NO_CLASS, np.int32)
    else:
        output = score
        predicted = _predicted(types, predictions, output, scores)
    if isinstance(schema.output, NumericVariable):
        numeric = np.vstack((numeric, np.where(np.isnan(output), MISSING, output)))
    elif isinstance(schema.output, CategoricalVariable):
        missing = len(schema.output.categories) + STATUSES.index("missing")
        categorical = [*categorical, np.where(predicted == NO_CLASS, missing, predicted).astype(np.int32)]
    infinite = np.isinf(numeric)
    if infinite.any():
        numeric[infinite] = NONFINITE
        output = np.where(np.isinf(output), np.nan, output)
    hashes, identified = hash_ids(ids, seed)
    columns = PredictionColumns(
        numeric=numeric,
        categorical=np.array(categorical, np.int32).reshape(len(categorical), rows),
        output=output,
        predicted=predicted,
        class_scores=scores,
        latency=latency,
        failed=np.fromiter(map(bool, errors), bool, rows),
        timestamp=times_of(timestamps),
    )
    return Predictions(columns, hashes, identified, _versions(versions, default_version))


def _predicted(
    types: EventTypes, predictions: Sequence[Any], score: FloatArray, scores: FloatArray | None
) -> CodeArray:
    """Return the class codes that events name, or that follow from their scores where they name none."""
    schema = types.schema
    named = [value is not None for value in predictions]
    codes = class_codes(types, predictions) if any(named) else np.full(len(predictions), NO_CLASS, np.int32)
    if all(named):
        return codes
    unnamed = ~np.array(named)
    if schema.task is Task.BINARY:
        derived = np.where(score >= schema.threshold, schema.positive, 1 - schema.positive)
        derived[np.isnan(score)] = NO_CLASS
    elif scores is not None:
        known = ~np.isnan(scores).all(axis=0)
        derived = np.where(known, np.where(np.isnan(scores), -np.inf, scores).argmax(axis=0), NO_CLASS)
    else:
        return codes
    return np.where(unnamed, derived, codes).astype(np.int32)


def _versions(versions: Sequence[str | int | None], default: str) -> list[str]:
    distinct = set(versions)
    if distinct <= {None, default}:
        return [default]
    return [default if version is None else str(version) for version in versions]
