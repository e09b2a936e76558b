"""Event types and an intake over the workload's models."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from ml_exporter.core.schema import Task
from ml_exporter.ingest.events import EventTypes
from ml_exporter.ingest.intake import Intake
from ml_exporter.ingest.protocols import JsonDocument
from ml_exporter.ingest.queue import Batch, ModelIntake
from ml_exporter.ingest.receipt import Receipt
from support.models import Model


@cache
def model_intake(task: Task = Task.BINARY, name: str = "model") -> ModelIntake:
    """Return the intake's view of a workload model."""
    return ModelIntake(name, "1", EventTypes(Model(task).schema))


def intake(*tasks: Task) -> Intake:
    """Return an intake for one model of each task, named after it; of the binary one if none is named."""
    if not tasks:
        return Intake({"model": model_intake()})
    return Intake({task.value: model_intake(task, task.value) for task in tasks})


def ndjson(items: list[dict[str, Any]]) -> bytes:
    """Return items a line each."""
    return b"\n".join(json.dumps(item).encode() for item in items)


def columnar(items: list[dict[str, Any]], **more: Any) -> bytes:
    """Return events as one columns document."""
    columns: dict[str, Any] = {}
    for key in items[0]:
        if key in ("features", "scores", "segments", "attributions"):
            columns[key] = {name: [item[key][name] for item in items] for name in items[0][key]}
        else:
            columns[key] = [item[key] for item in items]
    return json.dumps({"columns": columns, **more}).encode()


def first(body: Any, own: Intake | None = None) -> tuple[list[Batch], Receipt]:
    """Return what becomes of one JSON document of predictions."""
    given = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (own or intake()).predictions(given, JsonDocument(), None)
