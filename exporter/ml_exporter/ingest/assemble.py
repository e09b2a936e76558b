"""Decoded events as the columns that the tallies count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np
from msgspec.structs import astuple

from ml_exporter.core.arrays import MISSING, NONFINITE, BoolArray, CodeArray, FloatArray, HashArray
from ml_exporter.core.columns import NO_CLASS, PredictionColumns, likeliest
from ml_exporter.core.schema import CategoricalVariable, NumericVariable, Task
from ml_exporter.core.text import category_name, label_value
from ml_exporter.core.times import LATEST
from ml_exporter.ingest.events import ABSENT_CATEGORY, EventTypes
from ml_exporter.ingest.ids import Ids, hashed
from ml_exporter.sums.segments import group_codes
from ml_exporter.sums.variables import STATUSES


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
    # One tuple an event and one transposition cost less than an attribute at a time.
    fields = dict(zip(types.event_fields, zip(*map(astuple, events), strict=False), strict=False))
    nothing = types.no_features
    features = [item or nothing for item in fields["features"]]
    flat = np.fromiter(chain.from_iterable(map(types.numbers_of, features)), np.float64, rows * len(types.numbers))
    numbers = np.ascontiguousarray(flat.reshape(rows, -1).T) if rows else np.empty((len(types.numbers), 0))
    spelled = {name: list(map(types.of[name], features)) for name in types.spelled}
    numeric, categorical = _variables(types, numbers, spelled)
    scores = None
    if types.schema.task is Task.MULTICLASS and any(fields["scores"]):
        scores = _scores_by_row(types, fields["scores"])
    return finish(
        types,
        numeric,
        categorical,
        ids=fields["id"],
        score=np.fromiter(fields["score"], np.float64, rows),
        scores=scores,
        sent=_sent(types, fields["segments"]),
        attributions=_attributions(types, fields["attributions"]) if types.schema.attributed else None,
        predictions=fields["prediction"],
        latency=np.fromiter(fields["latency_seconds"], np.float64, rows),
        errors=fields["error"],
        timestamps=fields["timestamp"],
        versions=fields["version"],
        default_version=default_version,
        seed=seed,
    )


def from_columns(types: EventTypes, columns: Any, rows: int, default_version: str, seed: int) -> Predictions:
    """Return the columns of a decoded ``types.Columns`` object whose lists are all of length ``rows``."""
    features = columns.features or types.FeatureColumns()
    numbers = np.empty((len(types.numbers), rows), np.float64)
    spelled: dict[str, Sequence[Any] | CodeArray] = {}
    for variable in types.features:
        values = types.of[variable.name](features)
        if isinstance(values, np.ndarray) and isinstance(variable, CategoricalVariable):
            spelled[variable.name] = values
        elif variable.name in types.spelled:
            spelled[variable.name] = [ABSENT_CATEGORY] * rows if values is None else values
        else:
            given = types.absent(variable) if values is None else _floats(values, rows)
            numbers[types.numbers.index(variable.name)] = given
    numeric, categorical = _variables(types, numbers, spelled)
    scores = None
    if columns.scores and types.schema.task is Task.MULTICLASS:
        scores = np.full((len(types.schema.classes), rows), np.nan)
        for name, values in columns.scores.items():
            code = types.classes[name]
            if code < len(scores):
                scores[code] = values
    nothing = [None] * rows
    return finish(
        types,
        numeric,
        categorical,
        ids=columns.id or nothing,
        score=_floats(nothing if columns.score is None else columns.score, rows),
        scores=scores,
        sent={name: codes_in(types, name, values) for name, values in _sent_columns(types, columns.segments)},
        attributions=_attribution_columns(types, columns.attributions, rows) if types.schema.attributed else None,
        predictions=nothing if columns.prediction is None else columns.prediction,
        latency=_floats(nothing if columns.latency_seconds is None else columns.latency_seconds, rows),
        errors=columns.error or nothing,
        timestamps=nothing if columns.timestamp is None else columns.timestamp,
        versions=columns.version or nothing,
        default_version=default_version,
        seed=seed,
    )


def _floats(values: Sequence[Any] | FloatArray, rows: int) -> FloatArray:
    """Return a column of numbers, which may be an array already."""
    return values if isinstance(values, np.ndarray) else np.fromiter(values, np.float64, rows)


def _variables(
    types: EventTypes, numbers: FloatArray, spelled: Mapping[str, Sequence[Any] | CodeArray]
) -> tuple[FloatArray, list[CodeArray]]:
    """Return the numeric features, (features, rows), and the codes of each categorical one, (rows,).

    ``numbers`` (types.numbers, rows) holds what decoded into a number, ``spelled`` what must be looked up,
    or codes.
    """
    rows = numbers.shape[1]
    categorical = []
    for variable in types.categorical:
        codes = types.codes[variable.name]
        if variable.name in spelled:
            values = spelled[variable.name]
            if isinstance(values, np.ndarray):
                categorical.append(values)
                continue
            if bool in set(map(type, values)):
                values = [category_name(value) if type(value) is bool else value for value in values]
            categorical.append(np.fromiter(map(codes.__getitem__, values), np.int32, rows))
        else:
            decoded = numbers[types.numbers.index(variable.name)]
            categorical.append(np.where(np.isnan(decoded), codes[None], decoded).astype(np.int32))
    return numbers[: len(types.numeric)], categorical


def _sent(types: EventTypes, given: Sequence[Any]) -> dict[str, CodeArray]:
    """Return the group of each event in each segment that is no feature."""
    if not types.sent:
        return {}
    nothing = types.Segments()
    rows = [item or nothing for item in given]
    return {
        name: codes_in(types, name, list(map(attrgetter(attribute), rows)))
        for name, attribute in types.sent.items()
    }


def _sent_columns(types: EventTypes, given: Any) -> Iterator[tuple[str, Sequence[Any]]]:
    for name, attribute in types.sent.items():
        values = getattr(given, attribute, None)
        if values is not None:
            yield name, values


def _attributions(types: EventTypes, given: Sequence[Any]) -> FloatArray | None:
    """Return what each event says each feature added, (features, rows); None if no event says anything."""
    if given.count(None) == len(given):
        return None
    nothing = types.Attributions()
    told = chain.from_iterable(astuple(item or nothing) for item in given)
    flat = np.fromiter(told, np.float64, len(given) * len(types.features))
    return np.ascontiguousarray(flat.reshape(len(given), -1).T)


def _attribution_columns(types: EventTypes, given: Any, rows: int) -> FloatArray | None:
    if given is None:
        return None
    told = np.full((len(types.features), rows), np.nan)
    for place, values in enumerate(astuple(given)):
        if values is not None:
            told[place] = _floats(values, rows)
    return told


def codes_in(types: EventTypes, segment: str, values: Sequence[Any]) -> CodeArray:
    """Return the group of each value of a segment that is no feature."""
    return np.fromiter(map(types.sent_codes[segment].__getitem__, values), np.int32, len(values))


def hash_ids(ids: Sequence[str | int | None] | Ids, seed: int) -> tuple[HashArray, BoolArray]:
    """Return the 64-bit hash of each id, and which of them are there; an int and its digits are one id."""
    if isinstance(ids, Ids):
        return ids.hashes(seed)
    identified = np.ones(len(ids), bool)
    try:
        encoded = list(map(str.encode, ids))  # type: ignore[arg-type]
        if b"" in encoded:
            identified[:] = [item != b"" for item in encoded]
    except (TypeError, UnicodeEncodeError):
        texts = ["" if item is None else str(item) for item in ids]
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        identified[:] = [item not in (None, "") for item in ids]
    return hashed(encoded, seed), identified


def times_of(values: Sequence[datetime | float | None] | FloatArray) -> FloatArray:
    """Return seconds since the Unix epoch, NaN where no time is given."""
    if isinstance(values, np.ndarray):
        return np.where(values <= LATEST, values, np.nan)
    if values.count(None) == len(values):
        return np.full(len(values), np.nan)
    times = np.array([value.timestamp() if isinstance(value, datetime) else value for value in values], np.float64)
    return np.where(times <= LATEST, times, np.nan)


def class_codes(types: EventTypes, values: Sequence[Any]) -> CodeArray:
    """Return the class code of each value, -1 where there is none or it is unknown."""
    codes = np.fromiter(map(types.classes.__getitem__, values), np.int32, len(values))
    codes[codes >= len(types.schema.classes)] = NO_CLASS
    return codes


def _scores_by_row(types: EventTypes, given: Sequence[dict[str, float | None] | None]) -> FloatArray:
    scores = np.full((len(types.schema.classes), len(given)), np.nan)
    for row, by_class in enumerate(given):
        for name, score in (by_class or {}).items():
            code = types.classes[name]
            if code < len(scores):
                scores[code, row] = score
    return scores


def finish(
    types: EventTypes,
    numeric: FloatArray,
    categorical: list[CodeArray],
    *,
    ids: Sequence[str | int | None] | Ids,
    score: FloatArray,
    scores: FloatArray | None,
    sent: Mapping[str, CodeArray],
    predictions: Sequence[Any],
    latency: FloatArray,
    errors: Sequence[bool | str | None],
    timestamps: Sequence[datetime | float | None] | FloatArray,
    versions: Sequence[str | int | None],
    default_version: str,
    seed: int,
    attributions: FloatArray | None = None,
) -> Predictions:
    """Return a batch from the columns of the features and the other keys of the events, each of one length."""
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
    codes = np.array(categorical, np.int32).reshape(len(categorical), rows)
    columns = PredictionColumns(
        numeric=numeric,
        categorical=codes,
        output=output,
        predicted=predicted,
        class_scores=scores,
        latency=latency,
        failed=np.zeros(rows, bool) if errors.count(None) == rows else np.fromiter(map(bool, errors), bool, rows),
        timestamp=times_of(timestamps),
        segments=group_codes(schema, numeric, codes, sent),
        attributions=attributions,
    )
    return Predictions(columns, hashes, identified, _versions(versions, default_version))


def _predicted(
    types: EventTypes, predictions: Sequence[Any], score: FloatArray, scores: FloatArray | None
) -> CodeArray:
    """Return the class codes that events name, or that follow from their scores where they name none."""
    schema = types.schema
    unnamed_count = predictions.count(None)
    if unnamed_count == len(predictions):
        codes = np.full(len(predictions), NO_CLASS, np.int32)
    else:
        codes = class_codes(types, predictions)
        if not unnamed_count:
            return codes
    if schema.task is Task.BINARY:
        derived = np.where(score >= schema.threshold, schema.positive, 1 - schema.positive)
        derived[np.isnan(score)] = NO_CLASS
    elif scores is not None:
        derived = likeliest(scores)
    else:
        return codes
    if unnamed_count == len(predictions):
        return derived.astype(np.int32)
    unnamed = np.fromiter((value is None for value in predictions), bool, len(predictions))
    return np.where(unnamed, derived, codes).astype(np.int32)


def _versions(versions: Sequence[str | int | None], default: str) -> list[str]:
    if versions.count(None) == len(versions) or set(versions) <= {None, default}:
        return [default]
    shown: dict[Any, str] = {version: label_value(str(version)) for version in set(versions)}
    shown[None] = shown[""] = default
    return [shown[version] for version in versions]
