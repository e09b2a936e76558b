"""The kind of each feature, as a series and on the page of a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_exporter.pages.model import model_page, select
from ml_exporter.pages.snapshot import Snapshot
from support import html, workload
from support.engine import Bench, values, write_config

DECLARED = "    features: {comment: {kind: text}}\n"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a bench of a model with the features of its baseline, and a text that the configuration declares."""
    path = write_config(tmp_path, noise=True)
    path.write_text(path.read_text().replace("state:\n", f"{DECLARED}state:\n"))
    bench = Bench(path, state=False)
    events = workload.events(workload.table(100, 5))
    for event in events:
        event["features"]["comment"] = "late again"
    bench.send(events)
    bench.tick(1)
    return bench


def test_every_feature_has_one_kind(bench: Bench) -> None:
    found = [dict(labels) for name, *labels in values(bench.published) if name == "ml_feature_info"]
    kinds = {labels["feature"]: labels["kind"] for labels in found}
    assert len(kinds) == len(found) > 5
    assert kinds["comment"] == "text"
    assert {kinds[name] for name in ("normal", "tied", "constant")} == {"numeric"}
    assert {kinds[name] for name in ("few", "many", "flag")} == {"categorical"}
    assert {
        bench.value("ml_feature_info", **{"model": "model", "version": "1", **labels}) for labels in found
    } == {1}


def test_the_page_tells_of_a_text_and_of_nothing_else_that_its_length_is_shown(bench: Bench) -> None:
    snapshot = Snapshot([*bench.published, *bench.engine._evaluator.for_pages], bench.clock.wall())
    chosen = select(snapshot, "model", "1", None)
    assert chosen is not None
    root = html.check(model_page(chosen))
    headings = [html.text_of(each) for each in root.iter("th") if "length of the text" in html.text_of(each)]
    assert headings == ["commentlength of the text"]
