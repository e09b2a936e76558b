"""Categories in every JSON spelling count under their own code, whichever way an event is read."""

import json
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_exporter.core.privacy import masked
from ml_exporter.core.schema import CategoricalVariable, ModelSchema, Task
from ml_exporter.ingest.assemble import from_columns, from_events
from ml_exporter.ingest.events import EventTypes
from ml_exporter.ingest.intake import Intake
from ml_exporter.ingest.protocols import JsonDocument, NdJson
from ml_exporter.ingest.queue import Kind, ModelIntake

KEY = b"k" * 16
TEXTS = ("EWR", "", "\0", "other", "naïve 😀", "None")
NUMBERS = ("1", "2.5", "true", "nan", "EWR")
FLAGS = ("true", "false")
SCHEMA = ModelSchema(
    name="model",
    task=Task.BINARY,
    numeric=(),
    categorical=(
        CategoricalVariable("text", TEXTS),
        CategoricalVariable("number", NUMBERS),
        CategoricalVariable("flag", FLAGS),
        CategoricalVariable("secret", tuple(masked(name, KEY) for name in TEXTS), sensitive=True),
    ),
    classes=("0", "1"),
)
TYPES = EventTypes(SCHEMA, KEY)
OWN = Intake({"model": ModelIntake("model", "1", TYPES)})

UNSEEN, MISSING, ABSENT, WRONG = (6, 7, 8, 9)
SPELLINGS: Final[dict[str, list[tuple[Any, int]]]] = {
    "text": [
        *((name, code) for code, name in enumerate(TEXTS)),
        *((value, UNSEEN) for value in ("JFK", "\0\0", "C0", "OTHER", 0, 1.0, True)),
        *((None, MISSING), ([1], WRONG), ({}, WRONG)),
    ],
    "number": [
        *((True, 2), ("1", 0), (1, 0), (1.0, 0), ("2.5", 1), (2.5, 1), ("true", 2), ("nan", 3), ("EWR", 4)),
        *(("1.0", 5), (2, 5), (False, 5), ("", 5), (None, 6), ([], 8)),
    ],
    "flag": [(True, 0), ("true", 0), (False, 1), (1, 2), (0, 2), ("1", 2), (None, 3), ([], 5)],
    "secret": [
        *((name, code) for code, name in enumerate(TEXTS)),
        *(("JFK", UNSEEN), (masked("EWR", KEY), UNSEEN), (7, UNSEEN), (None, MISSING), ([], WRONG)),
    ],
}
ABSENT_CODE = {"text": ABSENT, "number": 7, "flag": 4, "secret": ABSENT}
NAMES = tuple(SPELLINGS)


def codes(body: bytes, lines: bool) -> np.ndarray:
    """Return the codes, (features, rows), that an intake makes of a body."""
    batches, receipt = OWN.predictions(body, NdJson() if lines else JsonDocument(), None)
    assert receipt.accepted == sum(batch.events for batch in batches)
    batch = batches[0]
    if batch.kind is Kind.COLUMNS:
        return from_columns(TYPES, *batch.content, "1", 0).columns.categorical
    return from_events(TYPES, batch.content, "1", 0).columns.categorical


choices = st.fixed_dictionaries({}, optional={name: st.sampled_from(pairs) for name, pairs in SPELLINGS.items()})


@given(st.lists(choices, min_size=1, max_size=5), st.booleans())
def test_an_event_counts_the_same_whoever_reads_it(rows: list[dict[str, tuple[Any, int]]], strange: bool) -> None:
    expected = [[row[name][1] if name in row else ABSENT_CODE[name] for row in rows] for name in NAMES]
    events: list[dict[str, Any]] = [{"features": {k: value for k, (value, _) in row.items()}} for row in rows]
    if strange:  # a field that nobody knows leads every event to the tolerant reader
        events = [{**event, "unheard_of": 1} for event in events]
    lines = b"\n".join(json.dumps(event).encode() for event in events)
    np.testing.assert_array_equal(codes(lines, True), expected)
    np.testing.assert_array_equal(codes(json.dumps(events).encode(), False), expected)


@pytest.mark.parametrize("strange", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_column_counts_as_its_events(name: str, strange: bool) -> None:
    values = [value for value, _ in SPELLINGS[name]]
    columns: dict[str, Any] = {"features": {name: values}, **({"unheard_of": values} if strange else {})}
    found = codes(json.dumps({"columns": columns}).encode(), False)
    absent = [ABSENT_CODE[other] for other in NAMES]
    for place, other in enumerate(NAMES):
        expected = [code for _, code in SPELLINGS[name]] if other == name else [absent[place]] * len(values)
        np.testing.assert_array_equal(found[place], expected)
