"""Features of the kind text: what is counted of them is their length, wherever they come from."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_exporter.backfill.events import Notes
from ml_exporter.backfill.table import Table as History
from ml_exporter.baseline import document
from ml_exporter.baseline.document import BaselineDocument
from ml_exporter.baseline.options import FitOptions
from ml_exporter.baseline.schema import schema_of
from ml_exporter.baseline.union import contradictions
from ml_exporter.core.arrays import ABSENT, MISSING, TYPE_ERROR, payload_of
from ml_exporter.core.errors import BaselineError
from ml_exporter.core.schema import FeatureKind, ModelSchema, NumericVariable, Task
from ml_exporter.ingest.assemble import from_columns, from_events
from ml_exporter.ingest.events import EventTypes
from ml_exporter.ingest.intake import Intake
from ml_exporter.ingest.protocols import JsonDocument
from ml_exporter.ingest.protocols.ndjson import NdJson
from ml_exporter.ingest.queue import ModelIntake
from ml_exporter.replay.table import Table as Recording
from support.fitting import fitted
from support.intake import columnar, ndjson
from support.tables import FORMS, table_of

RNG = np.random.default_rng(5)
WORDS = ("late", "früh", "schön ", "🛫 gate ", "1.0", "007", "NA", "True", "")
TEXTS = ["".join(RNG.choice(WORDS, size=size)) for size in RNG.integers(0, 40, 2_000)]
KINDS = {"comment": FeatureKind.TEXT}
OPTIONS = FitOptions(Task.BINARY, label="label", score="score", kinds=KINDS)


def frame(texts: list[Any]) -> pd.DataFrame:
    rows = len(texts)
    return pd.DataFrame(
        {
            "comment": texts,
            "hour": np.arange(rows) % 24 + 0.5,
            "score": np.linspace(0, 1, rows),
            "label": np.arange(rows) % 2,
        }
    )


def baseline(folder: Path, texts: list[Any] = TEXTS) -> BaselineDocument:
    return fitted(frame(texts), OPTIONS, folder).document


def schema(folder: Path) -> ModelSchema:
    found, problems = schema_of("m", Task.BINARY, baseline(folder), {})
    assert problems == []
    return found


def events(texts: list[Any]) -> list[dict[str, Any]]:
    return [{"features": {"comment": text, "hour": 1.5}, "score": 0.5} for text in texts]


def lengths(types: EventTypes, content: Any) -> np.ndarray:
    """Return what is counted of the texts."""
    read = (
        from_events(types, content, "1", 7) if isinstance(content, list) else from_columns(types, *content, "1", 7)
    )
    place = [variable.name for variable in types.numeric].index("comment")
    return read.columns.numeric[place]


def test_a_baseline_has_the_distribution_of_the_lengths(tmp_path: Path) -> None:
    told = baseline(tmp_path)
    table = frame(TEXTS).assign(comment=[float(len(text)) if text else np.nan for text in TEXTS])
    numeric = fitted(table, replace(OPTIONS, kinds={"comment": FeatureKind.NUMERIC}), tmp_path).document
    (one,) = [variable for variable in told.variables if variable.name == "comment"]
    (other,) = [variable for variable in numeric.variables if variable.name == "comment"]
    assert (one.kind, other.kind) == ("text", "numeric")
    one.kind = "numeric"
    assert one == other
    assert (one.minimum, one.maximum) == (min(map(len, filter(None, TEXTS))), max(map(len, TEXTS)))
    assert one.missing == TEXTS.count("") > 0


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_every_file_holds_the_same_texts(tmp_path: Path, suffix: str) -> None:
    texts = [*TEXTS, None]
    path, table = tmp_path / f"data.{suffix}", frame(texts)
    if suffix == "csv":
        table.to_csv(path, index=False)
    elif suffix == "parquet":
        table.to_parquet(path)
    else:
        path.write_text("".join(f"{json.dumps(row)}\n" for row in table.to_dict("records")))
    found = fitted(path, OPTIONS).document
    (comment,) = [variable for variable in found.variables if variable.name == "comment"]
    (expected,) = [variable for variable in baseline(tmp_path, texts).variables if variable.name == "comment"]
    assert comment == expected
    assert (comment.missing, comment.type_error) == (1 + TEXTS.count(""), 0)


@pytest.mark.parametrize("form", ["json", "lines", "columns", "arrow", "arrow-encoded", "parquet"])
def test_every_body_counts_lengths(tmp_path: Path, form: str) -> None:
    types = EventTypes(schema(tmp_path))
    own = Intake({"m": ModelIntake("m", "1", types)})
    texts = [*TEXTS[:300], None]
    items = events(texts)
    if form in ("arrow", "arrow-encoded", "parquet"):
        protocol, write = FORMS[form.partition("-")[0]]
        body = write(table_of(items, encoded=form.endswith("encoded")))
    else:
        protocol = NdJson() if form == "lines" else JsonDocument()
        body = {"json": json.dumps(items).encode(), "lines": ndjson(items), "columns": columnar(items)}[form]
    (batch,), receipt = own.predictions(body, protocol, None)
    assert (receipt.accepted, receipt.trouble) == (301, None)
    found = lengths(types, batch.content)
    assert "" in texts
    np.testing.assert_array_equal(found, [len(text) if text else np.nan for text in texts])
    assert set(payload_of(found[np.isnan(found)]).tolist()) == set(payload_of(np.array([MISSING])).tolist())


@pytest.mark.parametrize("form", ["json", "columns", "arrow"])
def test_what_is_no_text_is_a_wrong_type(tmp_path: Path, form: str) -> None:
    types = EventTypes(schema(tmp_path))
    own = Intake({"m": ModelIntake("m", "1", types)})
    items = events([12, 13] if form == "arrow" else [12, "twelve", None, True])
    if form == "arrow":
        protocol, write = FORMS["arrow"]
        body = write(table_of(items))
    else:
        protocol, body = JsonDocument(), json.dumps(items).encode() if form == "json" else columnar(items)
    (batch,), receipt = own.predictions(body, protocol, None)
    assert receipt.trouble is not None
    details = [warning["detail"] for warning in receipt.trouble.warnings]
    assert details[0] == "features.comment: must be a string, got a number"
    assert receipt.accepted == len(items)
    expected = [TYPE_ERROR, TYPE_ERROR] if form == "arrow" else [TYPE_ERROR, 6.0, MISSING, TYPE_ERROR]
    found = lengths(types, batch.content)
    np.testing.assert_array_equal(found, expected)
    nothing = np.isnan(found)
    assert payload_of(found[nothing]).tolist() == payload_of(np.array(expected)[nothing]).tolist()


def test_a_text_that_is_not_sent_is_absent(tmp_path: Path) -> None:
    types = EventTypes(schema(tmp_path))
    own = Intake({"m": ModelIntake("m", "1", types)})
    (batch,), _ = own.predictions(b'{"features": {"hour": 1}, "score": 0.5}', JsonDocument(), None)
    assert payload_of(lengths(types, batch.content)) == payload_of(np.array([ABSENT]))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_histories_and_replays_have_the_texts(tmp_path: Path, suffix: str) -> None:
    model = ModelIntake("m", "1", EventTypes(schema(tmp_path)))
    texts = TEXTS[:200]
    table = frame(texts).assign(id=np.arange(200), timestamp=1.7e9 + np.arange(200.0))
    path = tmp_path / f"rows.{suffix}"
    table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path)
    (chunk,) = History(path, model, {}, Notes()).chunks()
    assert chunk.predictions is not None
    place = [variable.name for variable in model.types.numeric].index("comment")
    expected = [len(text) if text else np.nan for text in texts]
    np.testing.assert_array_equal(chunk.predictions.columns.numeric[place], expected)
    lines = [
        json.loads(event.line) for event in Recording(path, model, {}, Notes()).events() if b"score" in event.line
    ]
    assert [line["features"]["comment"] or "" for line in lines] == texts


def test_a_replay_makes_no_text_of_what_is_none(tmp_path: Path) -> None:
    model = ModelIntake("m", "1", EventTypes(schema(tmp_path)))
    odd = ["a", b"abc", Decimal("1.50"), ["a", "b"], None]
    for number, value in enumerate(odd):
        table = pd.DataFrame({"comment": [value], "score": [0.5], "timestamp": [1.7e9], "id": ["x"]})
        table.to_parquet(tmp_path / f"{number}.parquet")
    sent = [
        json.loads(next(iter(Recording(tmp_path / f"{number}.parquet", model, {}, Notes()).events())).line)
        for number in range(len(odd))
    ]
    assert [line["features"]["comment"] for line in sent] == ["a", True, True, True, None]


def test_a_column_that_is_no_feature_is_no_text(tmp_path: Path) -> None:
    table = frame(["a"] * 300)
    kinds = {"score": FeatureKind.TEXT, "comment": FeatureKind.TEXT}
    found, expected = (fitted(table, replace(OPTIONS, kinds=told), tmp_path).document for told in (kinds, KINDS))
    assert found.variables == expected.variables


def test_a_column_without_texts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match='--kind: column "comment" holds no texts'):
        fitted(frame([1, 2, 3] * 50), OPTIONS, tmp_path)


def test_free_text_is_pointed_to(tmp_path: Path) -> None:
    table = frame([f"{number} bags are lost" for number in range(300)])
    found = fitted(table, replace(OPTIONS, kinds={}), tmp_path)
    (review,) = [review for review in found.reviews if review.name == "comment"]
    assert (review.use, review.why) == (
        "ignored",
        "identifiers or text: 300 distinct values; as text its lengths are compared",
    )


def test_sums_of_numbers_and_of_lengths_are_not_taken_for_each_other() -> None:
    one = NumericVariable("x", np.array([1.0]), np.array([0]))
    assert one.identity() != replace(one, is_text=True).identity()


def test_versions_must_agree_on_what_is_a_text(tmp_path: Path) -> None:
    one = schema(tmp_path)
    numbers = tuple(replace(variable, is_text=False) for variable in one.numeric)
    (problem,) = contradictions(one, replace(one, numeric=numbers))
    assert problem.what == 'has feature "comment" as a number, another baseline of the model as a text'


def test_predictions_are_parted_by_the_length_of_a_text(tmp_path: Path) -> None:
    options = replace(OPTIONS, segments={"comment": (10.0, 100.0)})
    document.write(fitted(frame(TEXTS), options, tmp_path).document, tmp_path / "baseline.json")
    found, problems = schema_of("m", Task.BINARY, document.read(tmp_path / "baseline.json"), {})
    assert problems == []
    own = Intake({"m": ModelIntake("m", "1", EventTypes(found))})
    body = json.dumps(events(["short", "x" * 99, "x" * 100])).encode()
    (batch,), _ = own.predictions(body, JsonDocument(), None)
    columns = from_events(batch.model.types, batch.content, "1", 7).columns
    assert columns.segments is not None
    assert columns.segments.tolist() == [[0, 1, 2]]
