"""Events in every form count the same; what is wrong with one is named, and the rest of it still counts."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_exporter.core.errors import PayloadError
from ml_exporter.core.schema import ModelSchema, NumericVariable, Task
from ml_exporter.ingest.assemble import from_columns, from_events
from ml_exporter.ingest.events import EventTypes
from ml_exporter.ingest.intake import Intake
from ml_exporter.ingest.metrics import NAMED, IntakeMetrics
from ml_exporter.ingest.protocols import JsonDocument, NdJson
from ml_exporter.ingest.queue import Batch, IntakeQueue, Kind, ModelIntake
from ml_exporter.ingest.reasons import LOSSES, WARNINGS
from ml_exporter.ingest.receipt import Receipt, Trouble
from support import workload
from support.intake import columnar, first, intake, model_intake, ndjson
from support.models import Model

JSON, LINES = JsonDocument(), NdJson()


def sums_of(batches: list[Batch], task: Task = Task.BINARY) -> np.ndarray:
    """Return the sums over prediction batches."""
    model = Model(task)
    sums = model.tallies.zero()
    for batch in batches:
        assert batch.model is not None
        types = batch.model.types
        if batch.kind is Kind.EVENTS:
            predictions = from_events(types, batch.content, "1", 7)
        else:
            predictions = from_columns(types, *batch.content, "1", 7)
        model.tallies.add_predictions(predictions.columns, sums)
    return sums.vector


@pytest.mark.parametrize("task", list(Task))
def test_every_form_counts_what_the_rows_hold(task: Task) -> None:
    columns = workload.table(300, seed=41, task=task)
    model = Model(task)
    events = workload.events(columns)
    if model.schema.attributed:
        events = workload.attributed(events, columns)
    expected = model.tallies.zero()
    batch = model.predictions(columns)
    batch.latency = np.array([event["latency_seconds"] for event in events])
    model.tallies.add_predictions(batch, expected)
    own = intake(task)
    forms = [
        own.predictions(json.dumps(events).encode(), JSON, None),
        own.predictions(ndjson(events), LINES, None),
        own.predictions(columnar(events), JSON, None),
        own.predictions(columnar(events, model=task.value, version="1"), JSON, None),
    ]
    single = [own.predictions(json.dumps(event).encode(), JSON, None)[0][0] for event in events]
    # The tolerant reading must count the same as the typed one.
    strange = [{**event, "unheard_of": 1} for event in events]
    forms.append(own.predictions(ndjson(strange), LINES, None))
    forms.append(own.predictions(columnar(strange), JSON, None))
    for batches, receipt in forms:
        assert receipt.accepted == 300
        np.testing.assert_array_equal(sums_of(batches, task), expected.vector)
    np.testing.assert_array_equal(sums_of(single, task), expected.vector)


@pytest.mark.parametrize(
    ("event", "reason", "detail"),
    [
        ({"features": {"normal": "1.5"}}, "type_error", "features.normal: must be a number, got a string"),
        ({"features": {"normal": True}}, "type_error", "features.normal: must be a number, got a boolean"),
        ({"features": {"normal": [1]}}, "type_error", "features.normal: must be a number, got an array"),
        (
            {"features": {"few": {}}},
            "type_error",
            "features.few: must be a string, number or boolean, got an object",
        ),
        ({"features": {"norml": 1}}, "unknown_feature", 'features.norml: no such feature; did you mean "normal"?'),
        ({"features": 5}, "invalid_field", "features: must be an object"),
        ({"scor": 0.5}, "unknown_field", 'scor: no such field; did you mean "score"?'),
        ({"score": 1.5}, "invalid_field", "score: Expected `float` <= 1.0"),
        ({"score": "high"}, "invalid_field", "score: Expected `float | null`, got `str`"),
        ({"prediction": "maybe"}, "unknown_predicted_class", "prediction: must be one of 0, 1"),
        ({"latency_seconds": -1}, "invalid_field", "latency_seconds: Expected `float` >= 0.0"),
        (
            {"timestamp": "2013-01-01T00:00:00"},
            "invalid_field",
            "timestamp: Expected `datetime` with a timezone component",
        ),
        ({"id": [1]}, "invalid_field", "id: Expected `int | str | null`, got `array`"),
    ],
)
def test_a_wrong_part_is_named_and_the_rest_counts(event: dict[str, Any], reason: str, detail: str) -> None:
    batches, receipt = first([{"features": {}}, event])
    assert receipt.accepted == 2
    assert receipt.trouble is not None
    (warning,) = receipt.trouble.warnings
    assert warning == {"index": 1, "reason": reason, "detail": detail}
    assert reason in WARNINGS
    assert sums_of(batches).any()


@pytest.mark.parametrize(
    ("body", "index", "reason", "detail"),
    [
        (b'[{"score":0.5}, 7]', 1, "malformed", "must be an object"),
        (b'{"model":"other"}', 0, "unknown_model", 'model: no model "other"; configured are model'),
        (b'{"model":5}', 0, "unknown_model", 'model: no model "5"; configured are model'),
    ],
)
def test_an_event_that_cannot_be_counted_is_named(body: bytes, index: int, reason: str, detail: str) -> None:
    _, receipt = first(body)
    assert receipt.trouble is not None
    assert receipt.trouble.errors == [{"index": index, "reason": reason, "detail": detail}]
    assert reason in LOSSES


def test_one_bad_line_does_not_cost_the_others() -> None:
    batches, receipt = intake().predictions(b'{"score":0.1}\nnot json\n\n{"score":0.2}\n', LINES, None)
    assert receipt.accepted == 2
    assert receipt.trouble is not None
    (error,) = receipt.trouble.errors
    assert (error["index"], error["reason"]) == (1, "malformed")
    assert sums_of(batches).any()


def test_several_models_need_their_name() -> None:
    own = intake(Task.BINARY, Task.REGRESSION)
    _, receipt = own.predictions(b'{"prediction": 5}', JSON, None)
    assert receipt.trouble is not None
    assert receipt.trouble.errors[0]["detail"] == (
        "model: must be given; configured are binary_classification, regression"
    )
    batches, receipt = own.predictions(b'{"prediction": 5}', JSON, "regression")
    assert receipt.accepted == 1
    mixed = b'{"model":"regression","prediction":5}\n{"model":"binary_classification","score":0.5}\n'
    batches, receipt = own.predictions(mixed, LINES, None)
    assert receipt.accepted == 2
    assert {batch.model.name for batch in batches if batch.model} == {"regression", "binary_classification"}
    with pytest.raises(PayloadError, match='no model "regresion"; did you mean "regression"'):
        own.predictions(b"{}", JSON, "regresion")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NaN", "missing"),
        ("null", "missing"),
        ("Infinity", "other"),
        ("-Infinity", "other"),
        ("1e999", "other"),
        ("9" * 5000, "other"),
        ("-" + "9" * 400, "other"),
        ("1e308", None),
        ("0", None),
        ("123456789012345678901234567890", None),
    ],
)
def test_odd_numbers_count_as_documented(text: str, value: str | None) -> None:
    batches, receipt = first(b'{"features":{"normal":' + text.encode() + b"}}")
    assert receipt.accepted == 1
    model = Model()
    from ml_exporter.sums.variables import Cells

    cells = Cells(model.schema)
    sums = model.tallies.layout.part(sums_of(batches), "variable_counts")
    for status in ("other", "missing", "absent", "type_error"):
        assert sums[cells.status(status)[0]] == (status == value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b'{"score":0.5} trailing',
        b"\xff\xfe",
        b'{"score":0.5',
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[" * 1_000_000,
        b'{"unknown":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ],
    ids=["empty", "text", "trailing", "bytes", "cut", "deep objects", "deep arrays", "deep ignored"],
)
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    for read in (intake().predictions, intake().labels):
        with pytest.raises(PayloadError) as caught:
            read(body, JSON, None)
        assert caught.value.reason == "malformed"


def test_a_byte_order_mark_is_passed_over() -> None:
    _, receipt = first(b'\xef\xbb\xbf{"score":0.5}')
    assert receipt == Receipt(accepted=1)


def test_a_lone_surrogate_is_only_an_unseen_category() -> None:
    batches, receipt = first(b'{"id":"\\ud800","features":{"few":"\\ud800"}}')
    assert receipt.accepted == 1
    assert sums_of(batches).any()


@pytest.mark.parametrize(
    ("columns", "detail"),
    [
        (
            {"score": [0.1, 0.2], "id": ["a"]},
            "columns must be of one length: columns.score has 2, columns.id has 1",
        ),
        ({"features": {"normal": [1], "few": []}}, "columns must be of one length"),
        ({"score": 0.5}, "columns.score: must be a list"),
        ({"features": [1]}, "columns.features: must be an object of lists"),
        (5, "columns: must be an object of lists"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns: Any, detail: str) -> None:
    batches, receipt = first([{"columns": columns}, {"score": 0.5}])
    assert receipt.accepted == sum(batch.events for batch in batches) == 1
    assert receipt.trouble is not None
    (error,) = receipt.trouble.errors
    assert error["index"] == 0
    assert detail in error["detail"]


def test_wrong_cells_of_columns_are_named_by_row() -> None:
    columns = {"score": [0.5, 2.0, None], "features": {"normal": [1, "x", None], "nope": [1, 2, 3]}}
    batches, receipt = first({"columns": columns, "version": "7"})
    assert receipt.accepted == 3
    assert receipt.trouble is not None
    told = {(item["index"], item["reason"]) for item in receipt.trouble.warnings}
    assert told == {(1, "invalid_field"), (1, "type_error"), (0, "unknown_feature")}
    (batch,) = batches
    assert from_columns(model_intake().types, *batch.content, "1", 7).versions == ["7"] * 3


def test_ids_are_one_as_text_and_as_number_and_hidden() -> None:
    from ml_exporter.ingest.assemble import hash_ids

    hashes, identified = hash_ids(["12", 12, None, "13"], seed=1)
    assert hashes[0] == hashes[1] != hashes[3]
    assert identified.tolist() == [True, True, False, True]
    assert hash_ids(["12"], seed=2)[0][0] != hashes[0]


def test_categories_count_under_every_spelling_of_their_name() -> None:
    own = intake()
    spellings = [True, "true", False, "false"]
    batches, _ = own.predictions(ndjson([{"features": {"flag": value}} for value in spellings]), LINES, None)
    predictions = from_events(model_intake().types, batches[0].content, "1", 7)
    flag = [variable.name for variable in Model().schema.categorical].index("flag")
    names = Model().schema.categorical[flag].categories
    assert [names[code] for code in predictions.columns.categorical[flag]] == ["true", "true", "false", "false"]


def test_the_predicted_class_follows_from_the_score_where_none_is_named() -> None:
    events = [{"score": 0.5}, {"score": 0.49}, {"score": 0.9, "prediction": 0}, {"prediction": "1"}, {}]
    batches, _ = intake().predictions(ndjson(events), LINES, None)
    predictions = from_events(model_intake().types, batches[0].content, "1", 7)
    assert predictions.columns.predicted.tolist() == [1, 0, 0, 1, -1]


def test_at_most_a_hundred_problems_are_listed_but_all_are_counted() -> None:
    _, receipt = intake().predictions(ndjson([{"score": 5}] * 250), LINES, None)
    assert receipt.trouble is not None
    assert len(receipt.trouble.warnings) == 100
    assert receipt.trouble.warned["model", "invalid_field"] == 250


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    [
        "id",
        "model",
        "version",
        "timestamp",
        "features",
        "score",
        "scores",
        "prediction",
        "latency_seconds",
        "error",
        "columns",
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    document=st.dictionaries(
        fields, json_values | st.fixed_dictionaries({"normal": json_values, "few": json_values}), max_size=6
    )
)
def test_no_document_whatever_breaks_the_intake(document: dict[str, Any]) -> None:
    body = json.dumps([document, {"score": 0.5}]).encode()
    for own in (intake(), intake(Task.MULTICLASS), intake(Task.REGRESSION)):
        try:
            batches, receipt = own.predictions(body, JSON, None)
        except PayloadError:
            continue
        assert receipt.accepted + (receipt.trouble.rejected.total() if receipt.trouble else 0) >= 1
        task = next(iter(own.models.values())).types.schema.task
        sums_of(batches, task)
        try:
            own.labels(json.dumps(document).encode(), JSON, None)
        except PayloadError:
            continue


def test_a_null_column_is_an_absent_one_however_it_is_read() -> None:
    for more in ({}, {"unheard_of": [1, 2]}):
        batches, receipt = first({"columns": {"score": [0.1, 0.2], "features": {"normal": None}, **more}})
        assert receipt.accepted == 2
        numeric = from_columns(model_intake().types, *batches[0].content, "1", 7).columns.numeric
        assert np.isnan(numeric[0]).all()


def test_versions_are_cleaned_and_cut() -> None:
    body = b'[{"version":"\\ud800","score":0.5},{"version":"' + b"v" * 100_000 + b'","score":0.5}]'
    batches, receipt = intake().predictions(body, JSON, None)
    assert receipt.accepted == 2
    first_name, long_name = from_events(model_intake().types, batches[0].content, "1", 7).versions
    assert first_name == "?"
    assert len(long_name) == 64
    assert long_name.startswith("vvvv")


def test_a_timestamp_in_another_unit_is_named_and_not_used() -> None:
    _, receipt = first({"score": 0.5, "timestamp": 1_763_700_000_000})
    assert receipt.trouble is not None
    assert [item["reason"] for item in receipt.trouble.warnings] == ["invalid_field"]
    _, receipt = intake().labels(b'{"id":"a","label":1,"timestamp":1763700000000}', JSON, None)
    assert receipt.accepted == 0
    _, receipt = intake().labels(b'{"id":"a","label":1,"timestamp":"9999-01-01T00:00:00Z"}', JSON, None)
    assert receipt.accepted == 1


def test_the_nearest_name_is_looked_for_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("ml_exporter.ingest.receipt.nearest", lambda word, known: asked.append(word) or "; near")
    events = [{"features": {"renamed": 1, f"other{number}": 2}, "score": 0.5} for number in range(1_000)]
    _, receipt = first(events)
    assert receipt.accepted == 1_000
    assert asked.count("renamed") == 1
    assert len(asked) == 10


@pytest.mark.parametrize("name", ['quoted "x"', "back\\slash", "tab\tbed"])
def test_a_feature_name_that_json_escapes_counts_all_the_same(name: str) -> None:
    variable = NumericVariable(name, np.array([0.0]), np.array([0]))
    types = EventTypes(ModelSchema("m", Task.BINARY, numeric=(variable,), classes=("0", "1")))
    own = Intake({"m": ModelIntake("m", "1", types)})
    for body, lines in (({"features": {name: 2.5}}, False), ({"columns": {"features": {name: [2.5]}}}, False)):
        batches, receipt = own.predictions(json.dumps(body).encode(), LINES if lines else JSON, None)
        assert receipt.trouble is None
        content = batches[0].content
        made = (
            from_events(types, content, "1", 7)
            if isinstance(content, list)
            else from_columns(types, *content, "1", 7)
        )
        assert made.columns.numeric.tolist() == [[2.5]]


def unknown_features(counters: IntakeMetrics) -> dict[tuple[str, ...], int]:
    return {
        row: int(value)
        for block in counters.collect()
        if block.metric.name == "ml_exporter_unknown_features_total"
        for row, value in zip(block.rows.values, block.values, strict=True)
    }


def test_unknown_features_are_counted_by_name_once_an_event_in_every_form() -> None:
    events = workload.events(workload.table(9, 3))
    for event in events:
        event["features"]["gate"] = 1
    for body, protocol in ((ndjson(events), LINES), (json.dumps(events).encode(), JSON), (columnar(events), JSON)):
        counters = IntakeMetrics(IntakeQueue(10, 1_000))
        _, receipt = intake().predictions(body, protocol, None)
        assert receipt.trouble is not None
        counters.note(receipt.trouble)
        assert unknown_features(counters) == {("model", "gate"): 9}


def test_names_of_unknown_features_are_capped_for_each_model() -> None:
    counters = IntakeMetrics(IntakeQueue(10, 1_000))
    for model in ("a", "b"):
        trouble = Trouble()
        trouble.unknown_features.update({(model, f"made up {number}"): 2 for number in range(NAMED + 5)})
        counters.note(trouble)
        counters.note(trouble)
    found = unknown_features(counters)
    for model in ("a", "b"):
        assert found[model, "made up 0"] == 4
        assert found[model, "other"] == 4 * 5
    assert len(found) == 2 * (NAMED + 1)
