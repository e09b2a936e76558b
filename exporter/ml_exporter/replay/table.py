"""Rows of a CSV or Parquet file as events of the intake, read as ``backfill`` does; the sidecar judges them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from ml_exporter.backfill import table
from ml_exporter.backfill.events import Notes
from ml_exporter.backfill.table import NO_TIME, attribution_column, is_error
from ml_exporter.baseline import source
from ml_exporter.baseline.source import Column
from ml_exporter.core.arrays import NONFINITE, payload_of
from ml_exporter.core.errors import EventsError
from ml_exporter.core.schema import FeatureKind, Task
from ml_exporter.core.times import are_times
from ml_exporter.ingest.queue import ModelIntake
from ml_exporter.replay.event import Event, Kind

_INFINITE: Final = int(payload_of(np.array([NONFINITE]))[0])
_BEYOND: Final = orjson.Fragment(b"1e999")
"""A number too large for a float, which is how JSON can spell an infinity."""


class Table(table.Table):
    """Reads one file."""

    def __init__(self, path: Path, model: ModelIntake, columns: Mapping[str, str], notes: Notes) -> None:
        super().__init__(path, model, columns, notes)
        self.name = path.name
        self.read = 0

    def events(self) -> Iterator[Event]:
        """Yield the events of each row: the prediction, then its label."""
        for chunk, rows in self.columns():
            times = chunk[self._column["timestamp"]].seconds()
            usable = are_times(times)
            self._note(NO_TIME, ~usable)
            predictions = self._bodies(chunk, rows) if self._has_predictions(chunk) else [None] * rows
            labels = self._label_bodies(chunk, rows, usable)
            arrivals = self._arrivals(chunk, times)
            before = self.read
            for row in np.flatnonzero(usable).tolist():
                self.read = before + row + 1
                time = float(times[row])
                prediction, label = predictions[row], labels[row]
                if prediction is not None:
                    yield Event(time, Kind.PREDICTIONS, _line(prediction, time))
                if label is not None:
                    arrival = float(arrivals[row])
                    yield Event(arrival, Kind.LABELS, _line(label, arrival))
            self.read = before + rows

    def _bodies(self, chunk: source.Chunk, rows: int) -> list[dict[str, Any] | None]:
        types = self._types
        known = [variable for variable in types.features if variable.name in chunk]
        columns = [_VALUES[variable.kind](chunk[variable.name]) for variable in known]
        names = [variable.name for variable in known]
        features = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)] or [{}] * rows
        fields: dict[str, list[Any]] = {"features": features}
        if sent := [name for name in types.sent if name in chunk]:
            groups = zip(*(_names(chunk[name]) for name in sent), strict=True)
            fields["segments"] = [dict(zip(sent, values, strict=True)) for values in groups]
        attributed = {v.name: attribution_column(v.name) for v in types.features if types.schema.attributed}
        if told := {name: column for name, column in attributed.items() if column in chunk}:
            numbers = zip(*(_numbers(chunk[column]) for column in told.values()), strict=True)
            fields["attributions"] = [dict(zip(told, values, strict=True)) for values in numbers]
        for key in ("id", "version"):
            fields[key] = self._names(chunk, key, rows)
        for key in ("score", "latency_seconds"):
            if (column := self._get(chunk, key)) is not None:
                fields[key] = _numbers(column)
        if (column := self._get(chunk, "prediction")) is not None:
            is_number = types.schema.task is Task.REGRESSION
            fields["prediction"] = (
                _numbers(column) if is_number else [self._class(name) for name in column.names()]
            )
        if self._get(chunk, "error") is not None:
            fields["error"] = [is_error(name) for name in self._names(chunk, "error", rows)]
        return [dict(zip(fields, values, strict=True)) for values in zip(*fields.values(), strict=True)]

    def _label_bodies(self, chunk: source.Chunk, rows: int, usable: Any) -> list[dict[str, Any] | None]:
        column = self._get(chunk, "label")
        if column is None:
            return [None] * rows
        is_number = self._types.schema.task is Task.REGRESSION
        given = usable & ~column.missing & ~(column.words() if is_number else False)
        when = self._get(chunk, "label_timestamp")
        if when is not None:
            odd = given & ~when.missing & ~are_times(when.seconds())
            self._note("labels whose time cannot be used are left out", odd)
            given &= ~odd
        ids = self._names(chunk, "id", rows)
        if given.any() and not any(name not in (None, "") for name in ids):
            raise EventsError(f"{self._path}: labels need a column with the id; name it with --column id=COLUMN")
        values = _numbers(column) if is_number else [self._class(name) for name in column.names()]
        return [
            {"id": name, "label": value} if there else None
            for name, value, there in zip(ids, values, given.tolist(), strict=True)
        ]

    def _arrivals(self, chunk: source.Chunk, times: Any) -> Any:
        when = self._get(chunk, "label_timestamp")
        return times if when is None else np.fmax(when.seconds(), times)


def _line(body: dict[str, Any], time: float) -> bytes:
    given = {key: value for key, value in body.items() if value is not None}
    return orjson.dumps(given | {"timestamp": time}, default=str, option=orjson.OPT_NON_STR_KEYS)


def _numbers(column: Column) -> list[Any]:
    """Return numbers as JSON spells them: null where one is missing, what is none as it stands in the file."""
    numbers = column.numbers()
    shown: list[Any] = numbers.tolist()
    words = column.words()
    for row in np.flatnonzero(np.isnan(numbers)).tolist():
        if column.missing[row] or words[row]:
            shown[row] = None
        elif payload_of(numbers[row : row + 1])[0] == _INFINITE:
            shown[row] = _BEYOND
        else:
            shown[row] = _wrong(column.values[row])
    return shown


def _wrong(value: Any) -> Any:
    """Return what is no number as something that is none in JSON either."""
    return (
        value.item() if isinstance(value, np.generic) else value if isinstance(value, bool | str) else str(value)
    )


def _names(column: Column) -> list[Any]:
    """Return names of categories, and what can be none as it stands in the file."""
    names: list[Any] = column.names().tolist()
    if column.values.dtype == object:
        for row, value in enumerate(column.values):
            if value.__hash__ is None:
                names[row] = value.tolist() if isinstance(value, np.ndarray) else value
    return names


def _texts(column: Column) -> list[Any]:
    """Return texts as they are spelled, null where there is none, and what is no text as none in JSON either."""
    given = zip(column.values.tolist(), column.missing.tolist(), strict=True)
    return [None if gone else value if isinstance(value, str) else True for value, gone in given]


_VALUES: Final = {FeatureKind.NUMERIC: _numbers, FeatureKind.CATEGORICAL: _names, FeatureKind.TEXT: _texts}
"""How the values of a feature of some kind are spelled in JSON."""
