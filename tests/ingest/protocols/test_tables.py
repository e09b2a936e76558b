"""Typed columns count as the same rows in JSON do; what is wrong with one is named in the same words."""

import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_exporter.core.errors import PayloadError
from ml_exporter.core.schema import CategoricalVariable, ModelSchema, NumericVariable, Task
from ml_exporter.ingest.assemble import Predictions, from_columns, hash_ids
from ml_exporter.ingest.events import EventTypes
from ml_exporter.ingest.intake import Intake
from ml_exporter.ingest.protocols import JsonDocument
from ml_exporter.ingest.protocols.protocol import Bounds
from ml_exporter.ingest.queue import ModelIntake
from ml_exporter.ingest.receipt import Receipt
from support import workload
from support.intake import columnar, intake, model_intake
from support.models import Model
from support.tables import FORMS, file, stream, table_of

JSON = JsonDocument()
both = pytest.mark.parametrize("form", FORMS)


def read(form: str, table: pa.Table, own: Intake | None = None, model: str | None = None, **options: Any) -> Any:
    protocol, write = FORMS[form]
    return (own or intake()).predictions(write(table, **options), protocol, model)


def columns_of(batches: list[Any]) -> list[Predictions]:
    """Return what is counted of each batch."""
    return [from_columns(batch.model.types, *batch.content, "1", 7) for batch in batches]


def assert_same(one: Predictions, other: Predictions) -> None:
    for name in (
        "numeric",
        "categorical",
        "output",
        "predicted",
        "latency",
        "failed",
        "timestamp",
        "class_scores",
    ):
        left, right = getattr(one.columns, name), getattr(other.columns, name)
        if left is None or right is None:
            assert left is right, name
        elif left.dtype == np.float64:
            # Bit by bit, as the reasons for a missing number lie in the bits.
            nothing = np.isnan(left) & np.isnan(right) if name in ("output", "latency", "timestamp") else False
            assert ((left.view(np.int64) == right.view(np.int64)) | nothing).all(), name
        else:
            np.testing.assert_array_equal(left, right, name)
    np.testing.assert_array_equal(one.identified, other.identified)
    np.testing.assert_array_equal(one.hashes[one.identified], other.hashes[other.identified])
    assert one.versions == other.versions


@both
@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("task", list(Task))
def test_tables_count_what_columns_of_json_do(form: str, encoded: bool, task: Task) -> None:
    columns = workload.table(300, seed=43, task=task)
    events = workload.events(columns)
    if task is Task.BINARY:
        events = workload.attributed(events, columns)
    own = intake(task)
    (expected,) = columns_of(own.predictions(columnar(events), JSON, None)[0])
    batches, receipt = read(form, table_of(events, encoded=encoded), own)
    assert receipt == Receipt(accepted=300)
    assert_same(columns_of(batches)[0], expected)
    model = Model(task)
    whole, parts = model.tallies.zero(), model.tallies.zero()
    model.tallies.add_predictions(expected.columns, whole)
    options = {"rows": 70} if form == "arrow" else {"row_group_size": 70}
    batches, receipt = read(form, table_of(events, encoded=encoded), own, **options)
    assert receipt == Receipt(accepted=300)
    for part in columns_of(batches):
        model.tallies.add_predictions(part.columns, parts)
    np.testing.assert_array_equal(parts.vector, whole.vector)


WIDE = ModelSchema(
    "m",
    Task.BINARY,
    numeric=(
        NumericVariable("n", np.array([0.0]), np.array([0])),
        NumericVariable("l", np.array([3.0]), np.array([0]), is_text=True),
    ),
    categorical=(
        CategoricalVariable("c", ("a", "true", "3", "0.5", "ü")),
        CategoricalVariable("t", ("a", "b")),
        CategoricalVariable("s", ("a", "b"), sensitive=True),
    ),
    classes=("0", "1"),
)
CELLS: dict[str, list[Any]] = {
    "int8": [1, None, -128],
    "uint64": [2**64 - 1, 0, None],
    "int64": [2**53 + 1, None, 3],
    "halffloat": [0.5, None, float("inf")],
    "float": [0.5, None, float("nan")],
    "double": [0.5, 3.0, None, float("nan"), -float("inf"), -0.0],
    "bool": [True, None, False],
    "string": ["a", None, "", "true", "3", "ü", "unheard of"],
    "large_string": ["a", None, "", "3"],
    "null": [None, None],
}


def wide() -> Intake:
    return Intake({"m": ModelIntake("m", "1", EventTypes(WIDE, b"key"))})


def as_json(column: pa.Array) -> list[Any]:
    return list(column.to_pylist())


@both
@pytest.mark.parametrize("feature", ["n", "l", "c", "t", "s"])
@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_every_type_means_what_its_values_mean_in_json(form: str, kind: str, encoded: bool, feature: str) -> None:
    if kind == "halffloat" and (encoded or form == "parquet"):
        values = pa.array([None if v is None else np.float16(v) for v in CELLS[kind]], pa.float16())
        encoded = False
    elif kind == "halffloat":
        values = pa.array([None if v is None else np.float16(v) for v in CELLS[kind]], pa.float16())
    else:
        values = pa.array(
            CELLS[kind], getattr(pa, {"double": "float64", "float": "float32", "bool": "bool_"}.get(kind, kind))()
        )
    if encoded and kind != "null":
        values = values.dictionary_encode()
    batches, receipt = read(form, pa.table({f"features.{feature}": values}), wide())
    document = {"columns": {"features": {feature: as_json(values)}}}
    expected, expected_receipt = wide().predictions(json.dumps(document).encode(), JSON, None)
    assert_same(columns_of(batches)[0], columns_of(expected)[0])
    told = receipt.trouble.warnings if receipt.trouble else []
    assert told == (expected_receipt.trouble.warnings if expected_receipt.trouble else [])
    assert receipt.trouble is None or receipt.trouble.warned == expected_receipt.trouble.warned


def test_a_nan_does_not_choose_why_there_is_no_number() -> None:
    bits = np.array([0x7FF8000000000000 | n for n in range(4)], np.int64).view(np.float64)
    batches, _ = read("arrow", pa.table({"features.n": bits}), wide())
    numbers = columns_of(batches)[0].columns.numeric[0]
    assert set(numbers.view(np.int64).ravel().tolist()) == {0x7FF8000000000000}


@both
def test_structs_are_columns_and_views_are_texts(form: str) -> None:
    events = workload.events(workload.table(50, seed=44, task=Task.MULTICLASS))
    own = intake(Task.MULTICLASS)
    (expected,) = columns_of(own.predictions(columnar(events), JSON, None)[0])
    nested = pa.Table.from_pylist(events)
    assert pa.types.is_struct(nested.schema.field("features").type)
    batches, receipt = read(form, nested, own)
    assert receipt == Receipt(accepted=50)
    assert_same(columns_of(batches)[0], expected)
    flat = table_of(events)
    views = [
        column.cast(pa.string_view()) if pa.types.is_string(column.type) else column for column in flat.columns
    ]
    batches, receipt = read(form, pa.table(dict(zip(flat.column_names, views, strict=True))), own)
    assert receipt == Receipt(accepted=50)
    assert_same(columns_of(batches)[0], expected)


@both
@pytest.mark.parametrize("kind", ["int64", "int8", "uint64", "string", "large_string", "dictionary", "numbers"])
def test_ids_are_the_same_in_every_type(form: str, kind: str) -> None:
    given: list[Any] = [12, 0, None, 7]
    if kind in ("string", "large_string", "dictionary"):
        given = ["12", "ü" * 300, None, "", "12"]
    column = pa.array(given, getattr(pa, kind)() if kind not in ("dictionary", "numbers") else None)
    if kind in ("dictionary", "numbers"):
        column = column.dictionary_encode()
    batches, receipt = read(form, pa.table({"id": column, "score": [0.5] * len(given)}))
    assert receipt.trouble is None
    (made,) = columns_of(batches)
    hashes, identified = hash_ids(given, 7)
    np.testing.assert_array_equal(made.identified, identified)
    np.testing.assert_array_equal(made.hashes[identified], hashes[identified])
    assert made.hashes[0] == hash_ids(["12"], 7)[0][0]


@settings(max_examples=60, deadline=None)
@given(
    ids=st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=20), min_size=1),
    start=st.integers(0, 3),
)
def test_ids_of_a_slice_are_hashed_where_they_lie(ids: list[str | None], start: int) -> None:
    from ml_exporter.ingest.tables.ids import ArrowIds

    for column in (pa.array(ids, pa.string()), pa.array(ids, pa.large_string()).dictionary_encode()):
        hashes, identified = ArrowIds(column.slice(start)).hashes(3)
        expected, there = hash_ids(ids[start:], 3)
        np.testing.assert_array_equal(identified, there)
        np.testing.assert_array_equal(hashes[there], expected[there])


@both
def test_the_other_fields_mean_what_they_mean_in_json(form: str) -> None:
    moments = [datetime(2026, 11, 21, 9, 30, 0, 250_000, UTC), None, datetime(2026, 11, 21, tzinfo=UTC)]
    for unit in ("s", "ms", "us", "ns"):
        if form == "parquet" and unit == "s":
            continue
        column = pa.array(moments, pa.timestamp("us", "UTC")).cast(pa.timestamp(unit, "UTC"), safe=False)
        batches, receipt = read(form, pa.table({"timestamp": column, "score": [0.5] * 3}))
        assert receipt.trouble is None
        times = columns_of(batches)[0].columns.timestamp
        assert times[0] == datetime(2026, 11, 21, 9, 30, tzinfo=UTC).timestamp() + (0 if unit == "s" else 0.25)
        assert math.isnan(times[1])
    table = pa.table(
        {
            "version": pa.array(["7", None, "8"]).dictionary_encode(),
            "prediction": pa.array([1, None, 0], pa.int8()),
            "error": [False, None, True],
            "latency_seconds": pa.array([Decimal("0.25"), None, Decimal("1.50")]),
            "timestamp": ["2026-11-21T09:30:00Z", None, None],
        }
    )
    batches, receipt = read(form, table)
    assert receipt.trouble is None
    (made,) = columns_of(batches)
    assert made.versions == ["7", "1", "8"]
    assert made.columns.predicted.tolist() == [1, -1, 0]
    assert made.columns.failed.tolist() == [False, False, True]
    assert made.columns.latency.tolist()[::2] == [0.25, 1.5]
    batches, _ = read(form, pa.table({"error": ["", "down", None], "version": pa.array([7, 8, None])}))
    (made,) = columns_of(batches)
    assert made.columns.failed.tolist() == [False, True, False]
    assert made.versions == ["7", "8", "1"]


@both
def test_model_and_version_of_all_events_come_with_the_schema(form: str) -> None:
    own = intake(Task.BINARY, Task.REGRESSION)
    table = pa.table({"prediction": [1.5, 2.5]})
    _, receipt = read(form, table, own)
    assert receipt.trouble is not None
    assert set(receipt.trouble.rejected) == {"unknown_model"}
    batches, receipt = read(form, table.replace_schema_metadata({"model": "regression", "version": "9"}), own)
    assert (receipt.accepted, batches[0].model.name) == (2, "regression")
    (made,) = columns_of(batches)
    assert made.versions == ["9", "9"]
    assert made.columns.output.tolist() == [1.5, 2.5]
    batches, receipt = read(form, table, own, "regression")
    assert receipt.accepted == 2


@both
@pytest.mark.parametrize(
    ("columns", "index", "reason", "detail"),
    [
        ({"features.normal": ["1.5", None]}, 0, "type_error", "features.normal: must be a number, got a string"),
        ({"features.normal": [None, True]}, 1, "type_error", "features.normal: must be a number, got a boolean"),
        ({"features.normal": [None, [1]]}, 1, "type_error", "features.normal: must be a number, got an array"),
        (
            {"features.norml": [1, 2]},
            0,
            "unknown_feature",
            'features.norml: no such feature; did you mean "normal"?',
        ),
        ({"scor": [0.5, 0.5]}, 0, "unknown_field", 'column scor: no such field; did you mean "score"?'),
        ({"score": [0.5, 1.5]}, 1, "invalid_field", "score[1]: Expected `float` <= 1.0"),
        ({"score": [None, "high"]}, 1, "invalid_field", "score[1]: Expected `float | null`, got `str`"),
        ({"prediction": ["1", "maybe"]}, 1, "unknown_predicted_class", "prediction: must be one of 0, 1"),
        ({"latency_seconds": [1, -1]}, 1, "invalid_field", "latency_seconds[1]: Expected `float` >= 0.0"),
        (
            {"timestamp": [None, datetime(2026, 1, 1)]},
            1,
            "invalid_field",
            "timestamp[1]: Expected `datetime` with a timezone component",
        ),
        (
            {"timestamp": [None, 1_763_700_000_000]},
            1,
            "invalid_field",
            "timestamp[1]: Expected `float` <= 4102444800.0",
        ),
        ({"id": [1.5, None]}, 0, "invalid_field", "id[0]: Expected `int | str | null`, got `float`"),
    ],
)
def test_a_wrong_cell_is_named_and_the_rest_counts(
    form: str, columns: dict[str, list[Any]], index: int, reason: str, detail: str
) -> None:
    table = pa.table({"features.tied": [1.0, 2.0], **columns})
    options = {"rows": 1} if form == "arrow" else {"row_group_size": 1}
    for more in ({}, options):
        batches, receipt = read(form, table, **more)
        assert receipt.accepted == 2
        assert receipt.trouble is not None
        # Of a Parquet file, a column that repeats is not read: all of it is of the wrong type.
        *_, warning = receipt.trouble.warnings
        assert len(receipt.trouble.warnings) == 1 or (form == "parquet" and detail.endswith("an array"))
        assert warning == {"index": index, "reason": reason, "detail": detail}
        assert sum(made.columns.rows for made in columns_of(batches)) == 2


@both
@pytest.mark.parametrize(
    ("table", "reason", "told"),
    [
        (pa.table([[1.0], [2.0]], ["score", "score"]), "invalid", "column score: occurs twice"),
        (pa.table({"features": [1]}), "invalid", "column features: must be a struct"),
        (pa.table({f"c{n}": [1] for n in range(10_001)}), "too_large", "10000 columns"),
        (pa.table({"score": pa.nulls(1_001)}), "too_large", "more than 1000 events"),
        (pa.table({"score": ["x" * 200_000]}), "too_large", "must not exceed 100000 bytes"),
        (
            pa.table({f"features.{name}": pa.nulls(900) for name in workload.NUMERIC * 1}),
            "too_large",
            "more than 5000 values",
        ),
    ],
    ids=["twice", "features", "columns", "rows", "bytes", "cells"],
)
def test_a_table_beyond_its_bounds_is_refused(form: str, table: pa.Table, reason: str, told: str) -> None:
    bounds = Bounds(5_000 if "values" in told else 100_000 if "bytes" in told else 1 << 24, 1_000)
    own = Intake({"model": model_intake()}, bounds)
    with pytest.raises(PayloadError, match=told) as caught:
        read(form, table, own)
    assert caught.value.reason == reason


@both
def test_labels_come_in_tables_too(form: str) -> None:
    moment = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    table = pa.table({"id": ["a", "b", None], "label": [1, 5, 1], "timestamp": [moment, None, None]})
    protocol, write = FORMS[form]
    batches, receipt = intake().labels(write(table), protocol, None)
    ids, labels, times = batches[0].content
    assert (ids, labels.tolist(), times.tolist()) == (["a"], [1.0], [moment.timestamp()])
    assert receipt.trouble is not None
    assert [(error["index"], error["reason"]) for error in receipt.trouble.errors] == [
        (2, "missing_id"),
        (1, "unknown_class"),
    ]
    with pytest.raises(PayloadError, match="column extra: labels have the columns id, label, timestamp") as caught:
        intake().labels(write(pa.table({"id": ["a"], "extra": [1]})), protocol, None)
    assert caught.value.reason == "invalid"


@both
def test_a_table_without_rows_or_columns_holds_no_event(form: str) -> None:
    for table in (pa.table({"score": pa.array([], pa.float64())}), pa.table({})):
        batches, receipt = read(form, table)
        assert (batches, receipt.accepted) == ([], 0)


@pytest.mark.parametrize("kind", ["lz4", "zstd"])
def test_compressed_buffers_are_read(kind: str) -> None:
    events = workload.events(workload.table(300, seed=45))
    body = stream(table_of(events), compression=kind)
    batches, receipt = intake().predictions(body, FORMS["arrow"][0], None)
    assert receipt == Receipt(accepted=300)
    (expected,) = columns_of(intake().predictions(columnar(events), JSON, None)[0])
    assert_same(columns_of(batches)[0], expected)


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
@pytest.mark.parametrize("page", ["1.0", "2.0"])
def test_every_way_to_write_parquet_is_read(codec: str, page: str) -> None:
    events = workload.events(workload.table(300, seed=46))
    (expected,) = columns_of(intake().predictions(columnar(events), JSON, None)[0])
    for more in ({}, {"use_dictionary": False}, {"data_page_size": 100, "write_batch_size": 10}):
        body = file(table_of(events), compression=codec, data_page_version=page, **more)
        batches, receipt = intake().predictions(body, FORMS["parquet"][0], None)
        assert receipt == Receipt(accepted=300)
        assert_same(columns_of(batches)[0], expected)


def test_structs_with_texts_may_lie_in_several_row_groups() -> None:
    structs = [{"few": name, "normal": float(row)} for row, name in enumerate("abcab")]
    table = pa.table({"features": pa.array(structs), "score": [0.1, 0.2, 0.3, 0.4, 0.5]})
    batches, receipt = read("parquet", table, row_group_size=2)
    assert (receipt.accepted, [batch.events for batch in batches]) == (5, [2, 2, 1])
