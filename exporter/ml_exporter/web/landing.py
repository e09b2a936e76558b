"""The landing page: what this is, how it stands, where to go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


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


_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0;color:#1c2733;background:#f6f7f9}
header{background:#e6522c;color:#fff;padding:1.1rem 2rem}
header h1{font-size:1.35rem;margin:0}
header p{margin:.2rem 0 0}
main{padding:1.2rem 2rem;max-width:70rem}
table{border-collapse:collapse;background:#fff;width:100%;margin:.4rem 0 1.4rem}
th,td{text-align:left;padding:.45rem .8rem;border:1px solid #dde2e8}
th{background:#eef1f4;font-weight:600}
td.n{text-align:right;font-variant-numeric:tabular-nums}
.good{color:#16703c;font-weight:600}
.bad{color:#b3261e;font-weight:600}
h2{font-size:1.05rem;margin:1rem 0 .2rem}
a{color:#0b62a8}
"""

_LINKS = (
    ("{metrics}", "Metrics", "for Prometheus, in text or OpenMetrics"),
    ("/-/healthy", "Healthy", "200 while the process runs"),
    ("/-/ready", "Ready", "200 once earlier state is restored"),
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
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>ml-exporter</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>
<body><header><h1>ml-exporter</h1><p>Prometheus exporter for deployed machine-learning models</p></header>
<main><p>State: <span class="{mood}">{escape(standing.state)}</span></p>
<h2>Models</h2>
<table><tr><th>Model</th><th>Version</th><th>Owner</th><th>Task</th><th>Baseline</th><th>Predictions</th>
<th>Labels joined</th><th>Last prediction</th></tr>{models}</table>
<h2>Exporter</h2><table>{facts}</table>
<h2>Links</h2><ul>{links}<li><code>POST /v1/predictions</code>, <code>POST /v1/labels</code>: events in</li>
<li><code>POST /-/reload</code>: read the configuration again</li></ul>
<p>Version {escape(standing.version)}</p></main></body></html>
""".encode()


def _row(line: ModelLine) -> str:
    cells = [escape(text) for text in (line.model, line.version, line.owner, line.task, line.baseline)]
    numbers = [f"{line.predictions:,}", f"{line.labels:,}"]
    return (
        "<tr>"
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "".join(f'<td class="n">{number}</td>' for number in numbers)
        + f"<td>{escape(line.last)}</td></tr>"
    )
