"""Events in a file of JSON lines, each a prediction or a label as the intake takes it, with its ``timestamp``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from ml_exporter.backfill.events import SEED, Chunk, Labels, Notes
from ml_exporter.baseline.source import count_lines
from ml_exporter.core.errors import EventsError, PayloadError
from ml_exporter.core.loose_json import loads
from ml_exporter.ingest.assemble import from_events, hash_ids
from ml_exporter.ingest.intake import Intake, Reading
from ml_exporter.ingest.protocols.ndjson import NdJson
from ml_exporter.ingest.queue import Kind, ModelIntake

_LINES: Final = 5_000
_PROTOCOL: Final = NdJson()


class Lines:
    """Reads one file; events that name another model are passed over."""

    def __init__(self, path: Path, model: ModelIntake, notes: Notes) -> None:
        self._path = path
        self._model = model
        self._intake = Intake({model.name: model})
        self._notes = notes

    def rows(self) -> int:
        """Return the number of lines."""
        return count_lines(self._path)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the events, some thousand lines at a time."""
        try:
            with open(self._path, "rb") as file:
                number = 1
                while lines := [line for _, line in zip(range(_LINES), file, strict=False)]:
                    yield self._events(lines, number)
                    number += len(lines)
        except OSError as error:
            raise EventsError(f"{self._path}: cannot be read: {error.strerror}") from error

    def _events(self, lines: list[bytes], first: int) -> Chunk:
        predictions: list[tuple[int, bytes]] = []
        labels: list[tuple[int, bytes]] = []
        for number, line in enumerate(lines, first):
            if line.strip() and self._is_ours(line, number):
                (labels if self._is_label(line) else predictions).append((number, line))
        result = Chunk(len(lines), None, np.zeros(0), self._labels(labels))
        if predictions:
            self._add_predictions(predictions, result)
        return result

    def _is_ours(self, line: bytes, number: int) -> bool:
        if b'"model"' not in line:
            return True
        other = _document(line).get("model") not in (None, self._model.name)
        if other:
            self._notes.add("events are of another model", self._place(number))
        return not other

    def _is_label(self, line: bytes) -> bool:
        return b'"label"' in line and "label" in _document(line)

    def _add_predictions(self, given: list[tuple[int, bytes]], chunk: Chunk) -> None:
        batches = self._taken(self._intake.predictions, given)
        events = [event for batch in batches if batch.kind is Kind.EVENTS for event in batch.content]
        columns = sum(batch.events for batch in batches if batch.kind is Kind.COLUMNS)
        where = self._places(given)
        self._notes.add("events in columns are left out: give them as lines or as a table", where, columns)
        timed = [event for event in events if event.timestamp is not None]
        self._notes.add("events without a timestamp are left out", where, len(events) - len(timed))
        if timed:
            chunk.predictions = from_events(self._model.types, timed, self._model.version, SEED)
            chunk.times = chunk.predictions.columns.timestamp

    def _labels(self, given: list[tuple[int, bytes]]) -> Labels:
        labels = Labels.none()
        for batch in self._taken(self._intake.labels, given):
            ids, values, times = batch.content
            hashes, _ = hash_ids(ids, SEED)
            timed = ~np.isnan(times)
            self._notes.add("labels without a timestamp are left out", self._places(given), int((~timed).sum()))
            labels = labels.merged(Labels(hashes, values, times, times).rows(timed))
        return labels

    def _taken(self, read: Any, given: list[tuple[int, bytes]]) -> list[Any]:
        if not given:
            return []
        body = b"".join(line if line.endswith(b"\n") else line + b"\n" for _, line in given)
        try:
            reading: Reading = read(body, _PROTOCOL, self._model.name)
        except PayloadError as error:
            self._notes.add(error.what, self._places(given), len(given))
            return []
        batches, receipt = reading
        if receipt.trouble is not None:
            told = 0
            for item in (*receipt.trouble.errors, *receipt.trouble.warnings):
                self._notes.add(item["detail"], self._place(given[item["index"]][0]))
                told += 1
            all_of_them = receipt.trouble.rejected.total() + receipt.trouble.warned.total()
            self._notes.add("more of the like", self._places(given), all_of_them - told)
        return batches

    def _places(self, given: list[tuple[int, bytes]]) -> str:
        return f"lines {given[0][0]} to {given[-1][0]} of {self._path.name}"

    def _place(self, number: int) -> str:
        return f"line {number} of {self._path.name}"


def _document(line: bytes) -> dict[str, Any]:
    try:
        document = loads(line)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
