"""The page of the last jobs."""

from __future__ import annotations

from ml_exporter.retrain.jobs import Job, State
from ml_exporter.retrain.page import jobs_page
from support import html


def job(state: State, **words: str) -> Job:
    facts = {"id": "0", "model": "flights", "version": "1", "reason": "", "run_id": "", "user": ""} | words
    return Job(
        **facts,
        alerts=("MLModelInputDrift",),
        fingerprints=("f",),
        starts_at="2026-01-01T00:00:00Z",
        target="command",
        state=state,
        attempts=1,
        created=0.0,
        changed=0.0,
        due=0.0,
    )


def test_the_jobs_are_a_table_that_can_be_read_out() -> None:
    root = html.check(jobs_page([job(State.FAILED, reason="<b>exit 1</b>"), job(State.STARTED, id="1")]))
    cells = html.row(root, "newest first", "0")
    assert cells[5:] == ["failed", "", "1", "<b>exit 1</b>", ""]
    assert [html.text_of(each) for each in root.iter("span") if each.get("class") == "word"] == ["failed"]


def test_without_a_job() -> None:
    html.check(jobs_page([]))
