"""Attributions of events: what is wrong with one is named, and the others count."""

from typing import Any

import numpy as np
import pytest

from ml_exporter.core.schema import Task
from ml_exporter.ingest.assemble import from_columns, from_events
from support.intake import first, intake, model_intake
from support.models import Model


@pytest.mark.parametrize(
    ("told", "reason", "detail"),
    [
        ({"normal": "1.5"}, "invalid_field", "attributions.normal: Expected `float | null`, got `str`"),
        ({"normol": 1.0}, "unknown_field", 'attributions.normol: no such feature; did you mean "normal"?'),
        ([1.0], "invalid_field", "attributions: must be an object"),
    ],
)
def test_a_wrong_attribution_is_named_and_the_others_count(told: Any, reason: str, detail: str) -> None:
    good = {"tied": -2.0, "few": 0.5}
    event = {"features": {}, "attributions": {**good, **told} if isinstance(told, dict) else told}
    batches, receipt = first(event)
    assert [(found["reason"], found["detail"]) for found in receipt.troubled().warnings] == [(reason, detail)]
    (batch,) = batches
    sums = Model().tallies.zero()
    Model().tallies.add_predictions(from_events(batch.model.types, batch.content, "1", 7).columns, sums)
    names = [variable.name for variable in Model().schema.features]
    counts = dict(zip(names, sums["attribution_counts"].tolist(), strict=True))
    assert {name for name, count in counts.items() if count} == (good.keys() if isinstance(told, dict) else set())


def test_a_wrong_attribution_in_columns_is_named_and_the_others_count() -> None:
    columns = {"features": {"normal": [1, 2]}, "attributions": {"tied": [-2.0, "x"], "zero": [1, 1]}}
    batches, receipt = first({"columns": columns})
    assert [warning["detail"] for warning in receipt.troubled().warnings] == [
        "columns.attributions.tied[1]: Expected `float | null`, got `str`",
        'attributions.zero: no such feature; did you mean "zeros"?',
    ]
    (batch,) = batches
    predictions = from_columns(batch.model.types, *batch.content, "1", 7).columns
    assert predictions.attributions is not None
    assert np.isfinite(predictions.attributions).sum() == 1


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"prediction": 1, "attributions": {"normal": 1}}, "attributions"),
        ({"columns": {"prediction": [1], "attributions": {"normal": [1]}}}, "columns.attributions"),
    ],
)
def test_attributions_that_nobody_declared_are_told_once(body: Any, where: str) -> None:
    batches, receipt = first(body, intake(Task.REGRESSION))
    assert receipt.accepted == 1
    assert [(found["reason"], found["detail"]) for found in receipt.troubled().warnings] == [
        ("unknown_field", f"{where}: not kept for this model; declare them: attributions: true")
    ]
    assert batches


def test_an_event_type_has_attributions_only_where_they_are_kept() -> None:
    assert "attributions" in model_intake().types.event_fields
    assert "attributions" not in model_intake(Task.REGRESSION).types.event_fields
