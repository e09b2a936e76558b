"""Events in a CSV or Parquet file: a row a prediction, its label beside it; or a row a label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from ml_exporter.backfill.events import SEED, Chunk, Labels, Notes
from ml_exporter.baseline import source
from ml_exporter.baseline.source import Column
from ml_exporter.core.arrays import ABSENT, BoolArray, CodeArray, FloatArray
from ml_exporter.core.errors import EventsError, nearest
from ml_exporter.core.schema import FeatureKind, Task
from ml_exporter.core.times import are_times
from ml_exporter.ingest.assemble import Predictions, codes_in, finish, hash_ids
from ml_exporter.ingest.events import ABSENT_CATEGORY, WRONG_TYPE, Codes
from ml_exporter.ingest.queue import ModelIntake

KEYS: Final = (
    *("id", "timestamp", "version", "score", "prediction", "latency_seconds", "error"),
    *("label", "label_timestamp"),
)
"""What a column may hold beside a feature, under the names that events have in the intake."""

NO_TIME: Final = "rows whose time cannot be used, or is before 1980, are left out"

_TEXT: Final = ("id", "version", "prediction", "error", "label")


class Table:
    """Reads one file; ``columns`` says which column holds which of :data:`KEYS` where it is not of that name."""

    def __init__(self, path: Path, model: ModelIntake, columns: Mapping[str, str], notes: Notes) -> None:
        self._path = path
        self._types = model.types
        self._version = model.version
        self._notes = notes
        self._column = {key: columns.get(key, key) for key in KEYS}
        self._given = frozenset(columns)
        self._row = 2 if path.suffix.lower() == ".csv" else 1

    def rows(self) -> int:
        """Return about how many rows there are: a text with a line break in it makes the count too high."""
        return source.count_rows(self._path)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the events, some thousand rows at a time."""
        for chunk, rows in self.columns():
            yield self._events(chunk, rows)

    def columns(self) -> Iterator[tuple[source.Chunk, int]]:
        """Yield the columns of the file and their length, some thousand rows at a time."""
        types = self._types
        text = (
            {self._column[key] for key in _TEXT}
            | {variable.name for variable in types.features if variable.kind is not FeatureKind.NUMERIC}
            | types.sent.keys()
        )
        for chunk in source.read_chunks(self._path, text):
            rows = len(next(iter(chunk.values())).values)
            self._check(chunk)
            yield chunk, rows
            self._row += rows

    def _check(self, chunk: source.Chunk) -> None:
        for key in KEYS:
            if key in self._given and self._column[key] not in chunk:
                raise EventsError(
                    f'{self._path}: no column "{self._column[key]}" for {key}{nearest(self._column[key], chunk)}'
                )
        if self._column["timestamp"] not in chunk:
            known = ", ".join(chunk)
            raise EventsError(
                f'{self._path}: no column "{self._column["timestamp"]}" with the time of the events; name it with'
                f" --column timestamp=COLUMN (columns: {known})"
            )

    def _events(self, chunk: source.Chunk, rows: int) -> Chunk:
        times = chunk[self._column["timestamp"]].seconds()
        usable = are_times(times)
        self._note(NO_TIME, ~usable)
        predictions = None
        if self._has_predictions(chunk):
            usable &= self._in_range(chunk, rows)
            predictions = self._predictions(chunk, rows, times)
        labels = self._labels(chunk, rows, times, usable, predictions)
        if predictions is not None and not usable.all():
            predictions = Predictions(
                predictions.columns.take(usable),
                predictions.hashes[usable],
                predictions.identified[usable],
                predictions.versions
                if len(predictions.versions) == 1
                else [name for name, good in zip(predictions.versions, usable, strict=True) if good],
            )
        return Chunk(rows, predictions, times[usable] if predictions is not None else np.zeros(0), labels)

    def _in_range(self, chunk: source.Chunk, rows: int) -> BoolArray:
        """Return which rows the intake would take, by their score and latency."""
        good = np.ones(rows, bool)
        highest = {"score": 1.0, "latency_seconds": np.inf}
        for key in highest if self._types.schema.task is not Task.REGRESSION else ("latency_seconds",):
            column = self._get(chunk, key)
            if column is not None:
                numbers = column.numbers()
                odd = (numbers < 0) | (numbers > highest[key])
                odd |= np.isnan(numbers) & ~column.missing & ~column.words()
                wanted = "between 0 and 1" if key == "score" else "of at least 0"
                self._note(f"rows whose {key} is no number {wanted} are left out", odd)
                good &= ~odd
        return good

    def _has_predictions(self, chunk: source.Chunk) -> bool:
        features = {variable.name for variable in self._types.features}
        outputs = {self._column["score"], self._column["prediction"]}
        return bool((features | outputs) & chunk.keys())

    def _predictions(self, chunk: source.Chunk, rows: int, times: FloatArray) -> Predictions:
        types = self._types
        numeric = [
            chunk[v.name].numbers(v.is_text) if v.name in chunk else np.full(rows, ABSENT) for v in types.numeric
        ]
        categorical = [
            _codes(chunk[v.name], types.codes[v.name])
            if v.name in chunk
            else np.full(rows, types.codes[v.name][ABSENT_CATEGORY], np.int32)
            for v in types.categorical
        ]
        score = self._get(chunk, "score")
        latency = self._get(chunk, "latency_seconds")
        return finish(
            types,
            np.array(numeric, np.float64).reshape(len(numeric), rows),
            categorical,
            ids=self._names(chunk, "id", rows),
            score=np.full(rows, np.nan) if score is None else score.numbers(),
            scores=None,
            sent={
                name: codes_in(types, name, chunk[name].names().tolist()) for name in types.sent if name in chunk
            },
            predictions=self._outputs(chunk, rows),
            latency=np.full(rows, np.nan) if latency is None else latency.numbers(),
            errors=[is_error(name) for name in self._names(chunk, "error", rows)],
            timestamps=times.tolist(),
            versions=self._names(chunk, "version", rows),
            default_version=self._version,
            seed=SEED,
            attributions=self._attributions(chunk, rows),
        )

    def _attributions(self, chunk: source.Chunk, rows: int) -> FloatArray | None:
        schema = self._types.schema
        names = [attribution_column(variable.name) for variable in schema.features]
        if not schema.attributed or not chunk.keys() & set(names):
            return None
        return np.array([chunk[name].numbers() if name in chunk else np.full(rows, np.nan) for name in names])

    def _outputs(self, chunk: source.Chunk, rows: int) -> list[Any]:
        column = self._get(chunk, "prediction")
        if column is None:
            return [None] * rows
        if self._types.schema.task is Task.REGRESSION:
            numbers: list[Any] = column.numbers().tolist()
            return numbers
        names = [self._class(name) for name in column.names().tolist()]
        unknown = [name is not None and name not in self._types.classes for name in names]
        if any(unknown):
            known = ", ".join(self._types.schema.classes)
            self._note(f"predictions are none of the classes {known}", np.array(unknown))
        return [None if bad else name for name, bad in zip(names, unknown, strict=True)]

    def _labels(
        self,
        chunk: source.Chunk,
        rows: int,
        times: FloatArray,
        usable: BoolArray,
        predictions: Predictions | None,
    ) -> Labels:
        column = self._get(chunk, "label")
        if column is None:
            return Labels.none()
        given = usable & ~column.missing
        if self._types.schema.task is Task.REGRESSION:
            values = column.numbers()
            given &= ~column.words()
            good = np.isfinite(values)
            wanted = "a finite number"
        else:
            classes = self._types.classes
            names = map(self._class, column.names().tolist())
            values = np.fromiter((classes[name] for name in names), np.float64, rows)
            good = values < len(self._types.schema.classes)
            wanted = "one of " + ", ".join(self._types.schema.classes)
        self._note(f"labels are not {wanted}", given & ~good)
        if predictions is not None:
            hashes, identified = predictions.hashes, predictions.identified
        else:
            hashes, identified = hash_ids(self._names(chunk, "id", rows), SEED)
        if not identified.any() and (given & good).any():
            raise EventsError(f"{self._path}: labels need a column with the id; name it with --column id=COLUMN")
        self._note("labels without an id are left out", given & good & ~identified)
        given &= good & identified
        when = self._get(chunk, "label_timestamp")
        own = times
        if when is not None:
            told = when.seconds()
            odd = given & ~when.missing & ~are_times(told)
            self._note("labels whose time cannot be used are left out", odd)
            given &= ~odd
            own = np.fmax(told, times)
        return Labels(hashes, values, own, own).rows(given)

    def _class(self, name: Any) -> Any:
        """Return what a class is looked up by: a truth value may stand for the classes 0 and 1."""
        return name == "true" if name in ("true", "false") and name not in self._types.classes else name

    def _get(self, chunk: source.Chunk, key: str) -> Column | None:
        return chunk.get(self._column[key])

    def _names(self, chunk: source.Chunk, key: str, rows: int) -> list[Any]:
        column = self._get(chunk, key)
        if column is None:
            return [None] * rows
        names: list[Any] = column.names().tolist()
        return names

    def _note(self, what: str, bad: BoolArray) -> None:
        count = int(np.count_nonzero(bad))
        if count:
            self._notes.add(what, f"row {self._row + int(bad.argmax())} of {self._path.name}", count)


def attribution_column(feature: str) -> str:
    """Return the name of the column that holds the attributions of a feature."""
    return f"attributions.{feature}"


def is_error(name: str | None) -> bool | None:
    """Return whether what a column says of an error means one, None if it says nothing."""
    return None if name is None else name.lower() not in ("false", "0", "")


def _codes(column: Column, codes: Codes) -> CodeArray:
    """Return the code of each value; a value's code is looked up once a chunk."""
    import pandas as pd

    try:
        places, distinct = pd.factorize(column.values, use_na_sentinel=True)
    except TypeError:  # a list or another thing that is no category
        wrong = [value if value.__hash__ is not None else WRONG_TYPE for value in column.values]
        return np.fromiter((codes[value] for value in wrong), np.int32, len(wrong))
    names = Column(np.asarray(distinct, object), np.zeros(len(distinct), bool), column.is_text).names()
    found = np.array([*(codes[name] for name in names), codes[None]], np.int32)
    coded: CodeArray = np.where(column.missing, found[-1], found[places]).astype(np.int32)
    return coded
