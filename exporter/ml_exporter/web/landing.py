"""The landing page: what this is, how it stands, where to go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ml_exporter.web.html import framed


@dataclass(frozen=True, slots=True)
class ModelLine:
    """What the page tells about one model version."""

    model: str
    version: str
    owner: str
    task: str
    baseline: str
    predictions: int
    labels: int
    last: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What the page tells about the exporter."""

    version: str
    state: str
    good: bool
    facts: Sequence[tuple[str, str]]
    models: Sequence[ModelLine]


_LINKS = (
    ("{metrics}", "Metrics", "for Prometheus, in text or OpenMetrics"),
    ("/-/healthy", "Healthy", "200 while the process runs"),
    ("/-/ready", "Ready", "200 once earlier state is restored"),
    ("/openapi.json", "OpenAPI", "every path, what it takes and what it answers"),
)


def landing_page(standing: Standing, metrics_path: str) -> bytes:
    """Return the page as HTML."""
    links = "".join(
        f'<li><a href="{escape(path.format(metrics=metrics_path))}">{name}</a>: {what}</li>'
        for path, name, what in _LINKS
    )
    facts = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in standing.facts)
    models = "".join(_row(line) for line in standing.models)
    mood = "good" if standing.good else "bad"
    return framed(
        "ml-exporter",
        "Prometheus exporter for deployed machine-learning models",
        f"""<p>State: <span class="{mood}">{escape(standing.state)}</span></p>
<h2>Models</h2>
<table><tr><th>Model</th><th>Version</th><th>Owner</th><th>Task</th><th>Baseline</th><th>Predictions</th>
<th>Labels joined</th><th>Last prediction</th></tr>{models}</table>
<h2>Exporter</h2><table>{facts}</table>
<h2>Links</h2><ul>{links}<li><code>POST /v1/predictions</code>, <code>POST /v1/labels</code>: events in</li>
<li><code>POST /-/reload</code>: read the configuration again</li></ul>
<p>Version {escape(standing.version)}</p>""",
    )


def _row(line: ModelLine) -> str:
    cells = [escape(text) for text in (line.model, line.version, line.owner, line.task, line.baseline)]
    numbers = [f"{line.predictions:,}", f"{line.labels:,}"]
    return (
        "<tr>"
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "".join(f'<td class="n">{number}</td>' for number in numbers)
        + f"<td>{escape(line.last)}</td></tr>"
    )
