"""From columns of pyarrow to the columns of one model's events."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ml_exporter.core.arrays import FloatArray
from ml_exporter.core.errors import PayloadError
from ml_exporter.core.schema import CategoricalVariable, FeatureKind, Task, Variable
from ml_exporter.core.text import category_name
from ml_exporter.core.times import LATEST
from ml_exporter.ingest.events import EventTypes, Scalar, Score
from ml_exporter.ingest.protocols.protocol import NoTypedReading
from ml_exporter.ingest.reasons import INVALID, UNKNOWN_FIELD
from ml_exporter.ingest.receipt import Receipt
from ml_exporter.ingest.tables.ids import ArrowIds, are_ids
from ml_exporter.ingest.tables.values import codes, codes_by, floats, is_text, lengths, marked, plain, seconds
from ml_exporter.ingest.tolerant import TolerantReader

_FEW_ROWS: Final = 2_000
"""Rows up to which a column may be read value by value in a hurry (chosen: a millisecond)."""

_NUMBER: Final = float | None
_SCORE: Final = Score | None
_BOUNDS: Final = {"score": (0.0, 1.0), "latency_seconds": (0.0, np.inf), "timestamp": (0.0, LATEST)}


class TableReader(TolerantReader):
    """Reads the batches of one table for one model.

    A column of the type that a field or feature wants becomes an array as a whole; any other is read value by
    value as in JSON, which tells what is wrong with which: :class:`NoTypedReading` if it is ``hurried``.
    """

    def __init__(self, name: str, types: EventTypes, receipt: Receipt, hurried: bool = False) -> None:
        super().__init__(name, types, receipt)
        self._hurried = hurried
        self._variables: dict[str, Variable] = {variable.name: variable for variable in types.features}

    def known(self, names: list[str]) -> list[str]:
        """Return the columns that events have, and tell of the others.

        PayloadError if a name occurs twice.
        """
        found: dict[str, None] = {}
        for name in names:
            if name in found:
                raise PayloadError(INVALID, f"column {name}: occurs twice; names must differ")
            outer, dot, inner = name.partition(".")
            if outer == "features" and dot:
                if not list(self._known(0, {inner: None})):
                    continue
            elif outer == "segments" and dot:
                if not list(self._sent(0, {inner: None})):
                    continue
            elif outer == "attributions" and dot:
                if "attributions" not in self._column_fields:
                    self._attributions_unusable(0, f"column {name}", "")
                    continue
                if not list(self._attributed(0, {inner: None})):
                    continue
            elif outer != "scores" or not dot:
                if name in ("features", "scores", "segments", "attributions"):
                    raise PayloadError(INVALID, f"column {name}: must be a struct; or name columns {name}.…")
                if name not in self._column_fields:
                    close = self._receipt.troubled().nearest(name, self._column_fields)
                    self._warn(0, UNKNOWN_FIELD, f"column {name}: no such field{close}")
                    continue
            found[name] = None
        return list(found)

    def batch(self, columns: dict[str, Any], start: int) -> Any:
        """Return ``types.Columns`` of the columns by name, whose first row is ``start``."""
        fields: dict[str, Any] = {}
        features: dict[str, Any] = {}
        scores: dict[str, Any] = {}
        segments: dict[str, Any] = {}
        attributions: dict[str, Any] = {}
        for name, column in columns.items():
            outer, dot, inner = name.partition(".")
            if not dot:
                fields[name] = self._field(name, column, start)
            elif outer == "features":
                features[inner] = column
            elif outer == "segments":
                segments[self._types.sent[inner]] = self._listed(name, column, start, Scalar | None)
            elif outer == "attributions":
                values = floats(column)
                listed = self._listed(name, column, start, _NUMBER) if values is None else values
                attributions[self._types.attribute[inner]] = listed
            else:
                scores[inner] = column
        if scores:
            fields["scores"] = self._scores(scores, start)
        fields["features"] = self._features(features, start)
        fields["segments"] = self._types.SegmentColumns(**segments)
        if attributions:
            fields["attributions"] = self._types.AttributionColumns(**attributions)
        return self._types.Columns(**fields)

    def _features(self, given: dict[str, Any], start: int) -> Any:
        read: dict[str, Any] = {}
        for name, column in given.items():
            variable = self._variables[name]
            if isinstance(variable, CategoricalVariable):
                read[name] = self._codes(variable, column)
            else:
                read[name] = lengths(column) if variable.is_text else floats(column)
        kinds, categorical = self._types.kinds, FeatureKind.CATEGORICAL
        numeric = [name for name, values in read.items() if values is not None and kinds[name] is not categorical]
        if numeric:
            read.update(zip(numeric, marked([read[name] for name in numeric]), strict=True))
        for name, values in read.items():
            if values is None:
                listed = enumerate(self._plain(given[name]), start)
                read[name] = [self._value(row, name, value) for row, value in listed]
        return self._types.FeatureColumns(**{self._types.attribute[name]: values for name, values in read.items()})

    def _codes(self, variable: CategoricalVariable, column: Any) -> Any:
        known = self._types.codes[variable.name]
        if not variable.sensitive:
            values = codes(column, known, variable.categories)
            if values is not None:
                return values

        def code_of(value: Any) -> int:
            if isinstance(value, float) and np.isnan(value):
                value = None
            return known[category_name(value) if isinstance(value, bool) else value]

        return codes_by(column, code_of)

    def _listed(self, name: str, column: Any, start: int, kind: Any) -> list[Any]:
        """Return the values of a column, each as ``kind`` wants it."""
        listed = self._plain(column)
        if kind not in (_NUMBER, _SCORE) and is_text(column.type):
            return listed
        return [self._converted(row, f"{name}[{row}]", value, kind) for row, value in enumerate(listed, start)]

    def _field(self, name: str, column: Any, start: int) -> Any:
        if name == "id" and are_ids(column.type):
            return ArrowIds(column)
        if name in _BOUNDS:
            values = _between(floats(column), *_BOUNDS[name])
            if values is None and name == "timestamp":
                values = seconds(column)
        elif name == "prediction" and self._types.schema.task is Task.REGRESSION:
            values = floats(column)
        else:
            values = None
        if values is not None:
            return values
        listed = self._plain(column)
        if name == "version" and is_text(column.type):
            return listed
        kind = self._event_fields[name]
        return [self._converted(row, f"{name}[{row}]", value, kind) for row, value in enumerate(listed, start)]

    def _plain(self, column: Any) -> list[Any]:
        if self._hurried and len(column) > _FEW_ROWS:
            raise NoTypedReading
        return plain(column)

    def _scores(self, given: dict[str, Any], start: int) -> Any:
        read: dict[str, Any] = {}
        for name, column in given.items():
            values = _between(floats(column), 0.0, 1.0)
            read[name] = values if values is not None else self._listed(f"scores.{name}", column, start, _SCORE)
        return read


def _between(values: FloatArray | None, low: float, high: float) -> FloatArray | None:
    """Return the values if all of them that are numbers lie between two, None otherwise."""
    if values is None:
        return None
    with np.errstate(invalid="ignore"):
        outside = ((values < low) | (values > high)).any()
    return None if outside else values
