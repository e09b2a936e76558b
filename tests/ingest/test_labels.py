"""Labels in every form: what is wrong with one is named, and the others count."""

import json
import math
from typing import Any

import pytest

from ml_exporter.core.schema import Task
from ml_exporter.ingest.protocols import JsonDocument, NdJson
from support.intake import columnar, intake, ndjson

JSON, LINES = JsonDocument(), NdJson()


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ({"label": 1}, "missing_id"),
        ({"id": "a"}, "invalid"),
        ({"id": "a", "label": 2}, "unknown_class"),
        ({"id": "a", "label": None}, "invalid"),
        ({"id": "a", "label": [1]}, "invalid"),
        ({"id": "a", "label": 1, "extra": 1}, "invalid"),
        ({"id": 1.5, "label": 1}, "invalid"),
        ({"id": "a", "label": 1, "model": "other"}, "unknown_model"),
        ({"id": "a", "label": 1, "timestamp": "yesterday"}, "invalid"),
    ],
)
def test_a_wrong_label_is_named_and_the_others_count(label: dict[str, Any], reason: str) -> None:
    body = json.dumps([{"id": "ok", "label": 1}, label]).encode()
    batches, receipt = intake().labels(body, JSON, None)
    assert receipt.accepted == 1
    assert receipt.trouble is not None
    assert [(error["index"], error["reason"]) for error in receipt.trouble.errors] == [(1, reason)]
    assert batches[0].content[0] == ["ok"]


@pytest.mark.parametrize("label", ["late", True, math.inf, None])
def test_a_regression_takes_finite_numbers_as_labels(label: Any) -> None:
    own = intake(Task.REGRESSION)
    _, receipt = own.labels(json.dumps({"id": "a", "label": label}).encode(), JSON, None)
    assert receipt.accepted == 0
    batches, receipt = own.labels(b'{"id": "a", "label": -3}', JSON, None)
    assert batches[0].content[1].tolist() == [-3.0]


def test_labels_come_in_every_form() -> None:
    items = [
        {"id": "a", "label": 1, "timestamp": 5},
        {"id": "b", "label": "0", "timestamp": "1970-01-01T00:00:06Z"},
    ]
    own = intake()
    forms = [
        own.labels(json.dumps(items).encode(), JSON, None),
        own.labels(ndjson(items), LINES, None),
        own.labels(columnar(items), JSON, None),
    ]
    for batches, receipt in forms:
        ids, labels, times = batches[0].content
        assert (ids, labels.tolist(), times.tolist()) == (["a", "b"], [1.0, 0.0], [5.0, 6.0])
        assert receipt.accepted == 2


def test_labels_that_are_no_numbers_leave_the_others_alone() -> None:
    own = intake(Task.REGRESSION)
    huge = "9" * 310
    body = f'[{{"id":1,"label":{huge}}},{{"id":2,"label":2}},{{"id":3,"label":1e999}},{{"id":4,"label":"x"}}]'
    batches, receipt = own.labels(body.encode(), JSON, None)
    assert receipt.accepted == 1
    assert batches[0].content[0] == [2]
    assert receipt.trouble is not None
    assert [error["index"] for error in receipt.trouble.errors] == [0, 2, 3]


def test_label_columns_lose_only_the_rows_that_are_wrong() -> None:
    body = json.dumps({"columns": {"id": [1, 2, 3], "label": [1, None, 0], "timestamp": None}}).encode()
    batches, receipt = intake().labels(body, JSON, None)
    assert receipt.accepted == 2
    assert batches[0].content[0] == [1, 3]
    assert receipt.trouble is not None
    assert [error["index"] for error in receipt.trouble.errors] == [1]
