"""A baseline from recorded events, one a line, as the intake takes them."""

import json
from pathlib import Path

import pytest

from ml_exporter.baseline.document import BaselineDocument
from ml_exporter.baseline.options import FitOptions
from ml_exporter.core.schema import FeatureKind, Role, Task
from support import workload
from support.fitting import fitted
from support.models import baseline, options_of

ROWS = 600


def written(folder: Path, task: Task) -> Path:
    """Write events with their labels and everything else that an event may carry."""
    columns = workload.table(ROWS, seed=5, task=task)
    events = workload.attributed(workload.events(columns), columns)
    whole = [
        {**event, "label": label["label"], "model": "model", "version": "1", "timestamp": 1.7e9 + row}
        for row, (event, label) in enumerate(zip(events, workload.labels(columns), strict=True))
    ]
    path = folder / "events.jsonl"
    path.write_text("".join(f"{json.dumps(event)}\n" for event in whole))
    return path


def features(document: BaselineDocument) -> set[str]:
    return {variable.name for variable in document.variables if variable.role == Role.FEATURE}


@pytest.mark.parametrize("task", list(Task))
def test_what_stands_beside_the_features_is_none(tmp_path: Path, task: Task) -> None:
    scores = {name: f"scores.{name}" for name in workload.CLASSES} if task is Task.MULTICLASS else {}
    usual = options_of(task)
    options = FitOptions(task, usual.label, usual.score, usual.prediction, class_scores=scores)
    made = fitted(written(tmp_path, task), options)
    assert features(made.document) == features(baseline(task)) - {"region"}
    uses = {review.name: (review.use, review.why) for review in made.reviews}
    for name in ("latency_seconds", "model", "version", "timestamp", "region", "attributions.normal"):
        assert uses[name] == ("ignored", "beside the features of events")
    assert made.document.outcomes
    assert uses["label"][0] == "label"


def test_an_event_without_features_changes_nothing_of_that(tmp_path: Path) -> None:
    path = written(tmp_path, Task.BINARY)
    for line in ('{"id": "a", "model": "model", "score": 0.5}', '{"model": "model", "features": {}, "label": 1}'):
        path.write_text(f"{line}\n{path.read_text()}{line}\n")
    document = fitted(path, FitOptions(Task.BINARY, "label", "score")).document
    assert features(document) == features(baseline()) - {"region"}


def test_it_is_a_feature_or_parts_the_rows_where_that_is_told(tmp_path: Path) -> None:
    options = FitOptions(
        Task.BINARY,
        "label",
        "score",
        kinds={"latency_seconds": FeatureKind.NUMERIC},
        segments={"region": ()},
    )
    document = fitted(written(tmp_path, Task.BINARY), options).document
    assert "latency_seconds" in features(document)
    assert [segment.name for segment in document.segments] == ["region"]


def test_rows_that_are_no_events_have_all_their_keys_for_features(tmp_path: Path) -> None:
    columns = workload.table(ROWS, seed=5)
    path = tmp_path / "rows.jsonl"
    rows = [{"uniform": row * 0.7, "label": int(columns["label"][row])} for row in range(ROWS)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert features(fitted(path, FitOptions(Task.BINARY, "label")).document) == {"uniform"}


def test_numbers_that_json_does_not_have_are_read_as_the_intake_reads_them(tmp_path: Path) -> None:
    rows = [f'{{"features": {{"x": {value}}}, "label": {row % 2}}}\n' for row, value in enumerate(["0.5"] * 98)]
    (tmp_path / "events.jsonl").write_text(
        "".join([*rows, '{"features": {"x": NaN}, "label": 0}\n', '{"features": {"x": 1e999}, "label": 1}\n'])
    )
    document = fitted(tmp_path / "events.jsonl", FitOptions(Task.BINARY, "label")).document
    (x,) = (variable for variable in document.variables if variable.name == "x")
    assert (x.missing, x.other, x.type_error, document.rows) == (1, 1, 0, 100)
