"""The page for people: the last jobs."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ml_exporter import __version__
from ml_exporter.core.ecs import moment
from ml_exporter.retrain.jobs import Job, State
from ml_exporter.web.html import framed

_BAD = (State.FAILED, State.UNKNOWN)
_HEADS = ("Job", "Made", "Model", "Version", "Alerts", "Target", "State", "Run", "Attempts", "Reason", "User")


def jobs_page(jobs: Sequence[Job]) -> bytes:
    """Return the page as HTML."""
    heads = "".join(f"<th>{name}</th>" for name in _HEADS)
    rows = "".join(_row(job) for job in jobs)
    return framed(
        "ml-exporter retrain",
        "From an alert to a retraining run",
        f"""<h2>Last jobs</h2><table><tr>{heads}</tr>{rows}</table>
<ul><li><a href="/v1/jobs">/v1/jobs</a>: the same as JSON</li>
<li><a href="/metrics">/metrics</a>: for Prometheus</li>
<li><code>POST /v1/jobs/JOB/approve</code>, <code>POST /v1/jobs/JOB/reject</code>: the word of a user</li></ul>
<p>Version {escape(__version__)}</p>""",
    )


def _row(job: Job) -> str:
    mood = "bad" if job.state in _BAD else "good" if job.state is State.STARTED else ""
    cells = [job.id, moment(job.created), job.model, job.version, ", ".join(job.alerts), job.target]
    after = [job.run_id, str(job.attempts), job.reason, job.user]
    state = f'<td><span class="{mood}">{escape(job.state.value)}</span></td>'
    return "<tr>" + "".join(map(_cell, cells)) + state + "".join(map(_cell, after)) + "</tr>"


def _cell(text: str) -> str:
    return f"<td>{escape(text)}</td>"
