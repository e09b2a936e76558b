"""One bad score of one class costs that score, whatever the form of the body, and is told by its row."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_exporter.core.schema import Task
from ml_exporter.ingest.assemble import from_columns, from_events
from ml_exporter.ingest.events import EventTypes
from ml_exporter.ingest.intake import Intake
from ml_exporter.ingest.protocols import ArrowStream, JsonDocument, NdJson, Parquet
from ml_exporter.ingest.protocols.protocol import Protocol
from ml_exporter.ingest.queue import Kind, ModelIntake
from support import tables, workload
from support.models import Model

ROWS, ODD = 40, 7
FORMS = ("events", "lines", "columns", "arrow", "parquet")


def body(form: str, bad: Any) -> tuple[bytes, Protocol]:
    """Return events of which one has an odd score of its first class."""
    rng = np.random.default_rng(4)
    scores = {name: rng.random(ROWS).tolist() for name in workload.CLASSES}
    scores[workload.CLASSES[0]][ODD] = bad
    if form in ("arrow", "parquet"):
        columns = {f"scores.{name}": pa.array(values) for name, values in scores.items()}
        table = pa.table(columns)
        return (tables.stream(table), ArrowStream()) if form == "arrow" else (tables.file(table), Parquet())
    if form == "columns":
        return json.dumps({"columns": {"scores": scores}}).encode(), JsonDocument()
    events = [{"scores": {name: scores[name][row] for name in scores}} for row in range(ROWS)]
    if form == "lines":
        return "\n".join(map(json.dumps, events)).encode(), NdJson()
    return json.dumps(events).encode(), JsonDocument()


def read(form: str, bad: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Return the scores (classes, rows) that are counted, and the warnings."""
    types = EventTypes(Model(Task.MULTICLASS).schema)
    batches, receipt = Intake({"model": ModelIntake("model", "1", types)}).predictions(*body(form, bad), None)
    (batch,) = batches
    if batch.kind is Kind.COLUMNS:
        counted = from_columns(types, *batch.content, "1", 0)
    else:
        counted = from_events(types, batch.content, "1", 0)
    return counted.columns.class_scores, receipt.document("queued").get("warnings", [])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bad", [float("nan"), None, 1.0000001, -1e-9])
def test_it_costs_that_score_alone(form: str, bad: float | None) -> None:
    scores, warnings = read(form, bad)
    lost = np.argwhere(np.isnan(scores)).tolist()
    assert lost == [[0, ODD]]
    if bad is None or bad != bad:
        assert warnings == []
    else:
        assert len(warnings) == 1
        assert warnings[0]["reason"] == "invalid_field"
        assert warnings[0]["index"] == ODD


@pytest.mark.parametrize("form", ["events", "lines", "columns"])
def test_what_is_no_number_costs_that_score_alone(form: str) -> None:
    scores, warnings = read(form, "x")
    assert np.argwhere(np.isnan(scores)).tolist() == [[0, ODD]]
    assert [warning["index"] for warning in warnings] == [ODD]
