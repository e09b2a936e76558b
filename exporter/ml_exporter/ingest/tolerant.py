"""Reading an event of which something is wrong: what can be used is used, the rest is named."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from ml_exporter.core.arrays import MISSING, TYPE_ERROR, length_of
from ml_exporter.core.errors import PayloadError
from ml_exporter.core.schema import FeatureKind
from ml_exporter.ingest.events import WRONG_TYPE, EventTypes, Length, Scalar, Score
from ml_exporter.ingest.reasons import INVALID, INVALID_FIELD, UNKNOWN_FEATURE, UNKNOWN_FIELD
from ml_exporter.ingest.reasons import TYPE_ERROR as WRONG_TYPE_REASON
from ml_exporter.ingest.receipt import Receipt

_SCALARS: Final = (str, int, float, bool)
_WANTED: Final = {
    FeatureKind.NUMERIC: "a number",
    FeatureKind.CATEGORICAL: "a string, number or boolean",
    FeatureKind.TEXT: "a string",
}
_NESTED: Final = ("features", "segments", "attributions")


class TolerantReader:
    """Reads plain objects as the event types of one model and tells a receipt what it had to leave out."""

    def __init__(self, name: str, types: EventTypes, receipt: Receipt) -> None:
        self._name = name
        self._types = types
        self._receipt = receipt
        self._event_fields, self._column_fields = types.event_types, types.column_types

    def event(self, index: int, item: dict[str, Any]) -> Any:
        """Return the item as ``types.Event``."""
        fields = self._fields(index, item, self._event_fields)
        features = item.get("features")
        if isinstance(features, dict):
            values = {
                self._types.attribute[name]: self._value(index, name, value)
                for name, value in self._known(index, features)
            }
            fields["features"] = self._types.Features(**values)
        elif features is not None:
            self._warn(index, INVALID_FIELD, "features: must be an object")
        segments = item.get("segments")
        if isinstance(segments, dict):
            sent = {
                self._types.sent[name]: self._converted(index, f"segments.{name}", value, Scalar | None)
                for name, value in self._sent(index, segments)
            }
            fields["segments"] = self._types.Segments(**sent)
        elif segments is not None:
            self._warn(index, INVALID_FIELD, "segments: must be an object")
        attributions = item.get("attributions")
        if isinstance(attributions, dict) and "attributions" in self._event_fields:
            told = {
                self._types.attribute[name]: self._converted(index, f"attributions.{name}", value, float | None)
                for name, value in self._attributed(index, attributions)
            }
            fields["attributions"] = self._types.Attributions(**told)
        elif attributions is not None:
            self._attributions_unusable(index, "attributions", "must be an object")
        return self._types.Event(**fields)

    def columns(self, item: dict[str, Any]) -> tuple[Any, int]:
        """Return the columns of ``item`` as ``types.Columns``, and their length.

        PayloadError if they are not lists of one length.
        """
        columns = item.get("columns")
        if not isinstance(columns, dict):
            raise PayloadError(INVALID, "columns: must be an object of lists")
        rows = column_length(columns)
        fields: dict[str, Any] = {}
        for name, values in columns.items():
            if name in _NESTED:
                continue
            if name not in self._column_fields:
                close = self._receipt.troubled().nearest(name, self._column_fields)
                self._warn(0, UNKNOWN_FIELD, f"columns.{name}: no such field{close}")
            elif name == "scores":
                fields[name] = {
                    inner: [
                        self._converted(row, f"columns.scores.{inner}[{row}]", value, Score | None)
                        for row, value in enumerate(column)
                    ]
                    for inner, column in (values or {}).items()
                    if column is not None
                }
            elif values is not None:
                fields[name] = self._cleaned(f"columns.{name}", name, values)
        features = columns.get("features") or {}
        attributes = {
            self._types.attribute[name]: [self._value(row, name, value) for row, value in enumerate(values)]
            for name, values in self._known(0, features, rows)
            if values is not None
        }
        fields["features"] = self._types.FeatureColumns(**attributes)
        sent = {
            self._types.sent[name]: [
                self._converted(row, f"columns.segments.{name}[{row}]", value, Scalar | None)
                for row, value in enumerate(values)
            ]
            for name, values in self._sent(0, columns.get("segments") or {})
            if values is not None
        }
        fields["segments"] = self._types.SegmentColumns(**sent)
        attributions = columns.get("attributions")
        if attributions is not None and "attributions" not in self._column_fields:
            self._attributions_unusable(0, "columns.attributions", "")
        elif attributions is not None:
            told = {
                self._types.attribute[name]: [
                    self._converted(row, f"columns.attributions.{name}[{row}]", value, float | None)
                    for row, value in enumerate(values)
                ]
                for name, values in self._attributed(0, attributions)
                if values is not None
            }
            fields["attributions"] = self._types.AttributionColumns(**told)
        return self._types.Columns(**fields), rows

    def _fields(self, index: int, item: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for name, value in item.items():
            if name in _NESTED:
                continue
            if name not in known:
                close = self._receipt.troubled().nearest(name, known)
                self._warn(index, UNKNOWN_FIELD, f"{name}: no such field{close}")
            elif name == "scores" and isinstance(value, dict):
                fields[name] = {
                    inner: self._converted(index, f"scores.{inner}", score, Score | None)
                    for inner, score in value.items()
                }
            else:
                fields[name] = self._converted(index, name, value, known[name])
        return fields

    def _cleaned(self, where: str, name: str, values: list[Any]) -> list[Any]:
        kind = self._event_fields[name]
        return [self._converted(row, f"{where}[{row}]", value, kind) for row, value in enumerate(values)]

    def _converted(self, index: int, where: str, value: Any, kind: Any) -> Any:
        if isinstance(value, float) and math.isnan(value):
            return None
        try:
            return msgspec.convert(value, kind)
        except (msgspec.ValidationError, OverflowError) as error:
            self._warn(index, INVALID_FIELD, f"{where}: {error}")
            return None

    def _known(self, index: int, features: dict[str, Any], rows: int = 1) -> Iterable[tuple[str, Any]]:
        for name, value in features.items():
            if name in self._types.attribute:
                yield name, value
            else:
                close = self._receipt.troubled().nearest(name, self._types.attribute)
                self._warn(index, UNKNOWN_FEATURE, f"features.{name}: no such feature{close}")
                self._receipt.troubled().unknown_features[self._name, name] += rows

    def _sent(self, index: int, segments: dict[str, Any]) -> Iterable[tuple[str, Any]]:
        for name, value in segments.items():
            if name in self._types.sent:
                yield name, value
            else:
                close = self._receipt.troubled().nearest(name, self._types.sent)
                self._warn(index, UNKNOWN_FIELD, f"segments.{name}: no such segment{close}")

    def _attributed(self, index: int, attributions: dict[str, Any]) -> Iterable[tuple[str, Any]]:
        for name, value in attributions.items():
            if name in self._types.attribute:
                yield name, value
            else:
                close = self._receipt.troubled().nearest(name, self._types.attribute)
                self._warn(index, UNKNOWN_FIELD, f"attributions.{name}: no such feature{close}")

    def _attributions_unusable(self, index: int, where: str, what: str) -> None:
        if "attributions" in self._event_fields:
            self._warn(index, INVALID_FIELD, f"{where}: {what}")
            return
        told = "not kept for this model; declare them: attributions: true"
        self._warn(index, UNKNOWN_FIELD, f"{where}: {told}")

    def _value(self, index: int, name: str, value: Any) -> Any:
        """Return a feature's value as its type wants it, or the mark that says why it is not usable."""
        kind = self._types.kinds[name]
        categorical = kind is FeatureKind.CATEGORICAL
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None if categorical else MISSING
        if kind is FeatureKind.NUMERIC and isinstance(value, int | float) and not isinstance(value, bool):
            try:
                return float(value)
            except OverflowError:
                return math.inf if value > 0 else -math.inf
        if categorical and isinstance(value, _SCALARS):
            return self._types.category_value(name, value)
        if kind is FeatureKind.TEXT and isinstance(value, str):
            return Length(length_of(value))
        self._warn(index, WRONG_TYPE_REASON, f"features.{name}: must be {_WANTED[kind]}, got {_kind(value)}")
        return self._types.category_value(name, WRONG_TYPE) if categorical else TYPE_ERROR

    def _warn(self, index: int, reason: str, detail: str) -> None:
        self._receipt.troubled().warn(index, self._name, reason, detail)


def column_length(columns: dict[str, Any]) -> int:
    """Return the common length of all lists in a columns object; PayloadError if there is none."""
    lengths: dict[int, str] = {}
    for name, values in columns.items():
        if name in (*_NESTED, "scores"):
            if values is not None and not isinstance(values, dict):
                raise PayloadError(INVALID, f"columns.{name}: must be an object of lists")
            for inner, column in (values or {}).items():
                if column is not None:
                    _note_length(f"columns.{name}.{inner}", column, lengths)
        elif values is not None:
            _note_length(f"columns.{name}", values, lengths)
    if len(lengths) > 1:
        told = ", ".join(f"{name} has {length}" for length, name in lengths.items())
        raise PayloadError(INVALID, f"columns must be of one length: {told}")
    return next(iter(lengths), 0)


def _note_length(name: str, values: Any, lengths: dict[int, str]) -> None:
    if not isinstance(values, list):
        raise PayloadError(INVALID, f"{name}: must be a list")
    lengths.setdefault(len(values), name)


def _kind(value: Any) -> str:
    names = {bool: "a boolean", str: "a string", list: "an array", dict: "an object"}
    return names.get(type(value), "a number")
