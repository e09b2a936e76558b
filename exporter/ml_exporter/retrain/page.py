"""The page for people: the last jobs."""

from __future__ import annotations

from collections.abc import Sequence

from ml_exporter import __version__
from ml_exporter.core.ecs import moment
from ml_exporter.pages.frame import framed, section
from ml_exporter.pages.markup import Html, link, table
from ml_exporter.retrain.jobs import Job, State

_BAD = (State.FAILED, State.UNKNOWN)
_HEADS = ("Job", "Made", "Model", "Version", "Alerts", "Target", "State", "Run", "Attempts", "Reason", "User")


def jobs_page(jobs: Sequence[Job]) -> bytes:
    """Return the page as HTML."""
    listed = table("The newest first.", _HEADS, [_row(job) for job in jobs])
    ways = [
        f"{link('/v1/jobs', '/v1/jobs')}: the same as JSON",
        f"{link('/metrics', '/metrics')}: for Prometheus",
        "<code>POST /v1/jobs/JOB/approve</code>, <code>POST /v1/jobs/JOB/reject</code>: the word of a user",
    ]
    links = "".join(f"<li>{way}</li>" for way in ways)
    content = section("jobs", "Last jobs", listed) + section("links", "Links", f'<ul class="links">{links}</ul>')
    return framed("ml-exporter retrain", f"From an alert to a retraining run; version {__version__}", content)


def _row(job: Job) -> list[str]:
    state = Html(f'<span class="word">{job.state.value}</span>') if job.state in _BAD else job.state.value
    cells = [job.id, moment(job.created), job.model, job.version, ", ".join(job.alerts), job.target]
    return [*cells, state, job.run_id, str(job.attempts), job.reason, job.user]
