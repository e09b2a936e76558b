"""From the body of a request to batches in the queue, and a receipt for the sender."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from ml_exporter.core.columns import FeedbackColumns
from ml_exporter.core.errors import PayloadError, nearest
from ml_exporter.core.schema import Task
from ml_exporter.ingest.assemble import times_of
from ml_exporter.ingest.events import Feedback, Label
from ml_exporter.ingest.protocols.protocol import Bounds, NotTyped, NoTypedReading, Protocol, Table
from ml_exporter.ingest.protocols.tabular import Tabular
from ml_exporter.ingest.queue import Batch, Kind, ModelIntake
from ml_exporter.ingest.reasons import (
    INVALID,
    MALFORMED,
    MISSING_ID,
    UNKNOWN_CLASS,
    UNKNOWN_MODEL,
    UNKNOWN_PREDICTION,
    UNSUPPORTED,
)
from ml_exporter.ingest.receipt import Receipt
from ml_exporter.ingest.tolerant import TolerantReader, column_length

Reading = tuple[list[Batch], Receipt]
"""The events of a body, by model, and what the answer says about them."""


class Intake:
    """Decodes bodies for the configured models. Holds no events: it returns batches for the queue."""

    def __init__(self, models: Mapping[str, ModelIntake], bounds: Bounds = Bounds()) -> None:  # noqa: B008
        self.models = dict(models)
        self._bounds = bounds
        self._only = next(iter(self.models.values())) if len(self.models) == 1 else None

    def predictions(self, body: bytes, protocol: Protocol, model: str | None) -> Reading:
        """Return the predictions in ``body``; ``model`` is the one of events that name none.

        PayloadError if the body as a whole cannot be read.
        """
        return self.typed_predictions(body, protocol, model) or self.tolerant_predictions(body, protocol, model)

    def labels(self, body: bytes, protocol: Protocol, model: str | None) -> Reading:
        """Return the labels in ``body``; ``model`` is the one of labels that name none.

        PayloadError if the body as a whole cannot be read.
        """
        return self.typed_labels(body, protocol, model) or self.tolerant_labels(body, protocol, model)

    def typed_predictions(self, body: bytes, protocol: Protocol, model: str | None) -> Reading | None:
        """Return what :meth:`predictions` does, or None if something in the body is not as it should be."""
        if isinstance(protocol, Tabular):
            return self._hurried_predictions(body, protocol, model)
        known = self._default(model)
        if known is None:
            return None
        try:
            events = protocol.predictions(body, known.types)
        except NotTyped:
            return None
        batch = self._typed_batch(known, events, len(body))
        return None if batch is None else ([batch], Receipt(accepted=batch.events))

    def typed_labels(self, body: bytes, protocol: Protocol, model: str | None) -> Reading | None:
        """Return what :meth:`labels` does, or None if something in the body is not as it should be."""
        known = self._default(model)
        if known is None:
            return None
        try:
            labels = protocol.labels(body)
        except NotTyped:
            return None
        if not all(label.model in (None, known.name) for label in labels):
            return None
        receipt = Receipt()
        batch = _label_batch(known, list(enumerate(labels)), len(body), receipt)
        return [batch] if batch else [], receipt

    def tolerant_predictions(self, body: bytes, protocol: Protocol, model: str | None) -> Reading:
        """Read each event by itself; slow, and safe in any thread."""
        return self._read_items(body, protocol, model, self._take_prediction)

    def tolerant_labels(self, body: bytes, protocol: Protocol, model: str | None) -> Reading:
        """Read each label by itself; slow, and safe in any thread."""
        return self._read_items(body, protocol, model, self._take_label)

    def feedback(self, body: bytes, protocol: Protocol, model: str | None) -> Reading:
        """Return the feedback in ``body``; ``model`` is the one of feedback that names none.

        PayloadError if the body as a whole cannot be read. There is one reading: people are slow.
        """
        if isinstance(protocol, Tabular):
            raise PayloadError(UNSUPPORTED, "feedback must be JSON: an object, an array, or an object a line")
        return self._read_items(body, protocol, model, self._take_feedback)

    def _hurried_predictions(self, body: bytes, protocol: Tabular, model: str | None) -> Reading | None:
        if not protocol.prompt(body):
            return None
        bounds = replace(self._bounds, hurried=True)
        try:
            return self._read_items(body, protocol, model, self._take_prediction, bounds)
        except NoTypedReading:
            return None

    def _default(self, model: str | None) -> ModelIntake | None:
        if model is None:
            return self._only
        if model not in self.models:
            raise PayloadError(UNKNOWN_MODEL, f'no model "{model}"{nearest(model, self.models)}')
        return self.models[model]

    def _typed_batch(self, model: ModelIntake, events: Sequence[Any], size: int) -> Batch | None:
        """Return the batch of typed events, or None if something in them needs the tolerant reading."""
        name, types = model.name, model.types
        columns = getattr(events[0], "columns", msgspec.UNSET) if len(events) == 1 else msgspec.UNSET
        if columns is not msgspec.UNSET:
            if events[0].model not in (None, name):
                return None
            rows = _typed_length(columns)
            if rows is None or not _classes_known(model, columns.prediction or ()):
                return None
            if events[0].version is not None and columns.version is None:
                columns.version = [events[0].version] * rows
            return Batch(Kind.COLUMNS, model, (columns, rows), rows, size)
        known = types.classes if types.schema.is_classifier else None
        for event in events:
            if event.model is not None and event.model != name:
                return None
            if known is not None and event.prediction is not None and event.prediction not in known:
                return None
        return Batch(Kind.EVENTS, model, events, len(events), size)

    def _read_items(
        self,
        body: bytes,
        protocol: Protocol,
        model: str | None,
        take: Callable[[int, dict[str, Any] | Table, ModelIntake, Receipt, _Gathered], None],
        bounds: Bounds | None = None,
    ) -> Reading:
        receipt, gathered = Receipt(), _Gathered()
        for index, item in enumerate(protocol.items(body, bounds or self._bounds)):
            if isinstance(item, PayloadError):
                receipt.troubled().reject(index, item.reason, item.what)
            elif not isinstance(item, dict | Table):
                receipt.troubled().reject(index, MALFORMED, "must be an object")
            elif (found := self._model_of(index, item, model, receipt)) is not None:
                try:
                    take(index, item, found, receipt, gathered)
                except PayloadError as error:
                    if isinstance(item, Table):
                        raise
                    receipt.troubled().reject(index, error.reason, error.what)
        return gathered.batches(max(len(body), gathered.size), receipt), receipt

    def _model_of(
        self, index: int, item: dict[str, Any] | Table, default: str | None, receipt: Receipt
    ) -> ModelIntake | None:
        name = item.get("model", default)
        if name is None and self._only is not None:
            return self._only
        found = self.models.get(name) if isinstance(name, str) else None
        if found is None:
            known = ", ".join(sorted(self.models))
            told = f'model: no model "{name}"' if name is not None else "model: must be given"
            receipt.troubled().reject(index, UNKNOWN_MODEL, f"{told}; configured are {known}")
        return found

    def _take_prediction(
        self, index: int, item: dict[str, Any] | Table, model: ModelIntake, receipt: Receipt, gathered: _Gathered
    ) -> None:
        if isinstance(item, Table):
            first = 0
            for columns, rows, size in item.columns(model.name, model.types, receipt):
                self._take_columns(columns, rows, item.get("version"), first, model, receipt, gathered)
                first, gathered.size = first + rows, gathered.size + size
            return
        reader = TolerantReader(model.name, model.types, receipt)
        if "columns" in item:
            columns, rows = reader.columns(item)
            self._take_columns(columns, rows, item.get("version"), 0, model, receipt, gathered)
            return
        event = reader.event(index, item)
        (event.prediction,) = _known_predictions(model, [event.prediction], receipt, index)
        gathered.events.setdefault(model.name, (model, []))[1].append(event)

    def _take_columns(
        self,
        columns: Any,
        rows: int,
        version: Any,
        first: int,
        model: ModelIntake,
        receipt: Receipt,
        gathered: _Gathered,
    ) -> None:
        if isinstance(version, str | int) and columns.version is None:
            columns.version = [version] * rows
        if columns.prediction is not None:
            columns.prediction = _known_predictions(model, columns.prediction, receipt, first)
        gathered.columns.append((model, columns, rows))

    def _take_label(
        self, index: int, item: dict[str, Any] | Table, model: ModelIntake, receipt: Receipt, gathered: _Gathered
    ) -> None:
        labels = gathered.labels.setdefault(model.name, (model, []))[1]
        if isinstance(item, Table) or "columns" in item:
            entries = item.rows() if isinstance(item, Table) else _rows_of_columns(item["columns"])
            for row, entry in enumerate(entries):
                self._take_one_label(row, entry, receipt, labels)
        else:
            self._take_one_label(index, item, receipt, labels)

    def _take_one_label(
        self, index: int, item: dict[str, Any], receipt: Receipt, labels: list[tuple[int, Label]]
    ) -> None:
        if item.get("id") is None:
            receipt.troubled().reject(index, MISSING_ID, "id: must be given")
            return
        try:
            labels.append((index, msgspec.convert(item, Label)))
        except (msgspec.ValidationError, OverflowError) as error:
            receipt.troubled().reject(index, INVALID, str(error))

    def _take_feedback(
        self, index: int, item: dict[str, Any] | Table, model: ModelIntake, receipt: Receipt, gathered: _Gathered
    ) -> None:
        scale = model.types.schema.feedback
        if scale is None:
            told = f'model "{model.name}" takes no feedback; declare it: feedback: {{scale: [1, 5]}}'
            raise PayloadError(INVALID, told)
        if item.get("id") in (None, ""):
            raise PayloadError(MISSING_ID, "id: must be given")
        try:
            found = msgspec.convert(item, Feedback)
        except (msgspec.ValidationError, OverflowError) as error:
            raise PayloadError(INVALID, str(error)) from None
        if (found.rating is None) == (found.thumb is None):
            raise PayloadError(INVALID, "must have a rating or a thumb, one of them")
        if found.rating is not None and not scale.lowest <= found.rating <= scale.highest:
            raise PayloadError(INVALID, f"rating: must be from {scale.lowest:g} to {scale.highest:g}")
        gathered.feedback.setdefault(model.name, (model, []))[1].append(found)


class _Gathered:
    """Items that were read one by one, by model."""

    def __init__(self) -> None:
        self.events: dict[str, tuple[ModelIntake, list[Any]]] = {}
        self.columns: list[tuple[ModelIntake, Any, int]] = []
        self.labels: dict[str, tuple[ModelIntake, list[tuple[int, Label]]]] = {}
        self.feedback: dict[str, tuple[ModelIntake, list[Feedback]]] = {}
        self.size = 0

    def batches(self, size: int, receipt: Receipt) -> list[Batch]:
        batches = [Batch(Kind.EVENTS, model, events, len(events), 0) for model, events in self.events.values()]
        batches += [Batch(Kind.COLUMNS, model, (columns, rows), rows, 0) for model, columns, rows in self.columns]
        batches += [_feedback_batch(model, items) for model, items in self.feedback.values()]
        receipt.accepted += sum(batch.events for batch in batches)
        for model, labels in self.labels.values():
            batch = _label_batch(model, labels, 0, receipt)
            if batch is not None:
                batches.append(batch)
        if batches:
            batches[0].size = size
        return batches


def _label_batch(model: ModelIntake, labels: list[tuple[int, Label]], size: int, receipt: Receipt) -> Batch | None:
    """Return the usable labels as a batch and reject the others; None if there is none."""
    ids: list[str | int] = []
    values: list[float] = []
    times: list[Any] = []
    schema = model.types.schema
    for index, item in labels:
        if schema.task is Task.REGRESSION:
            value = _finite(item.label)
            if value is None:
                receipt.troubled().reject(index, INVALID, "label: must be a finite number")
                continue
        else:
            value = model.types.classes[item.label]
            if value >= len(schema.classes):
                known = ", ".join(schema.classes)
                receipt.troubled().reject(index, UNKNOWN_CLASS, f"label: must be one of {known}")
                continue
        ids.append(item.id)
        values.append(value)
        times.append(item.timestamp)
    receipt.accepted += len(ids)
    if not ids:
        return None
    content = (ids, np.array(values, np.float64), times_of(times))
    return Batch(Kind.LABELS, model, content, len(ids), size)


def _feedback_batch(model: ModelIntake, items: list[Feedback]) -> Batch:
    ratings = [math.nan if item.rating is None else item.rating for item in items]
    thumbs = [-1 if item.thumb is None else int(item.thumb in ("up", True)) for item in items]
    columns = FeedbackColumns(np.array(ratings, np.float64), np.array(thumbs, np.int32))
    return Batch(Kind.FEEDBACK, model, ([item.id for item in items], columns), len(items), 0)


def _finite(label: Any) -> float | None:
    """Return a label as a number, None if it is none."""
    if isinstance(label, str | bool):
        return None
    try:
        value = float(label)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def _rows_of_columns(columns: Any) -> Iterator[dict[str, Any]]:
    """Yield the labels in columns as objects; PayloadError if they are not lists of one length."""
    if not isinstance(columns, dict):
        raise PayloadError(INVALID, "columns: must be an object of lists")
    column_length(columns)
    given = {name: values for name, values in columns.items() if values is not None}
    for values in zip(*given.values(), strict=True):
        yield dict(zip(given, values, strict=True))


def _typed_length(columns: Any) -> int | None:
    lengths = set()
    for name in columns.__struct_fields__:
        values = getattr(columns, name)
        if values is None:
            continue
        if isinstance(values, list):
            lengths.add(len(values))
        elif isinstance(values, dict):
            lengths |= {len(column) for column in values.values()}
        else:
            columns_of = (getattr(values, attribute) for attribute in values.__struct_fields__)
            lengths |= {len(column) for column in columns_of if column is not None}
    return lengths.pop() if len(lengths) == 1 else None


def _classes_known(model: ModelIntake, values: Iterable[Any]) -> bool:
    if not model.types.schema.is_classifier:
        return True
    known = model.types.classes
    return all(value in known for value in set(values))


def _known_predictions(model: ModelIntake, values: list[Any], receipt: Receipt, first: int = 0) -> list[Any]:
    """Return the predicted classes, None in place of unknown ones, each of which is told."""
    if not model.types.schema.is_classifier:
        return values
    known = model.types.classes
    for place, value in enumerate(values):
        if value not in known:
            names = ", ".join(model.types.schema.classes)
            detail = f"prediction: must be one of {names}"
            receipt.troubled().warn(first + place, model.name, UNKNOWN_PREDICTION, detail)
            values[place] = None
    return values
