"""The landing page: all models at a glance, how the exporter stands, where to go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from ml_exporter.pages.exporter import exporter
from ml_exporter.pages.frame import framed, section
from ml_exporter.pages.markup import Html, Number, html, link, muted, paragraph, table, unknown
from ml_exporter.pages.model import REPORT, path_of
from ml_exporter.pages.pipelines import pipelines
from ml_exporter.pages.server import server
from ml_exporter.pages.snapshot import Snapshot
from ml_exporter.pages.words import ago, number, plain, short, title

PRIMARY: Final = ("accuracy", "rmse")
"""The measure of a model's line: the first of these that its task has."""

_LINKS: Final = (
    ("{metrics}", "Metrics", "for Prometheus, in text or OpenMetrics"),
    (REPORT, "Report", "all models, versions and windows in one file"),
    ("/openapi.json", "OpenAPI", "every path with what it takes and answers"),
    ("/-/healthy", "Healthy", "200 while the process runs"),
    ("/-/ready", "Ready", "200 once earlier state is restored"),
)
_POSTS: Final = (
    ("POST /v1/predictions", "predictions in"),
    ("POST /v1/labels", "labels in"),
    ("POST /v1/feedback", "ratings and thumbs in"),
    ("POST /v1/pipelines/NAME/runs", "runs of pipelines in"),
    ("POST /-/reload", "read the configuration again"),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the page tells about the exporter besides its metrics.

    ``facts`` are names with values, such as the configuration file; ``models`` those that are configured.
    """

    version: str
    state: str
    metrics_path: str
    facts: Sequence[tuple[str, str]]
    models: Sequence[str]


def landing_page(standing: Standing, snapshot: Snapshot) -> bytes:
    """Return the page."""
    parts = (
        ("models", "Models", _models(standing, snapshot)),
        ("pipelines", "Pipelines", pipelines(snapshot)),
        ("server", "Model server", server(snapshot)),
        ("exporter", "Exporter", exporter(standing.facts, snapshot)),
        ("links", "Links", _links(standing.metrics_path)),
    )
    content = "".join(section(key, title, inner) for key, title, inner in parts if inner)
    lead = "Prometheus exporter for deployed machine-learning models"
    state = f'State: <span class="word">{html(standing.state)}</span> · version {html(standing.version)}'
    return framed("ml-exporter", Html(f"{lead}<br>{state}"), content)


def _models(standing: Standing, snapshot: Snapshot) -> Html:
    rows = [
        _row(snapshot, model, version)
        for model in sorted({*standing.models, *snapshot.models()})
        for version in snapshot.versions(model) or [""]
    ]
    heads = ("Model", "Version", "Owner and task", "Last prediction", "Last label", "Performance", "Highest PSI")
    words = "Numbers of the longest window that has them; the exporter states numbers, alerts judge them."
    return table(words, heads, rows) if rows else paragraph("No model is configured.")


def _row(snapshot: Snapshot, model: str, version: str) -> list[str]:
    if not version:
        why = unknown("earlier state is being restored")
        return [model, "", "", why, why, why, why]
    owner, task, _ = next(iter(snapshot.rows("ml_model_info", model, version)), ("", "", ""))
    predicted = snapshot.value("ml_prediction_last_timestamp_seconds", model, version)
    labelled = snapshot.value("ml_label_last_timestamp_seconds", model, version)
    count = plain(snapshot.value("ml_predictions_total", model, version) or 0)
    total = f"<br>{muted(f'{count} counted')}"
    return [
        link(path_of(model, version), model),
        Html(f"{html(version)}<br>{muted('a shadow')}") if snapshot.is_shadow(model, version) else version,
        Html(f"{html(owner or 'no owner')}<br>{muted(task.replace('_', ' '))}"),
        Number(html(ago(predicted, snapshot.at, "no predictions yet")) + total),
        Number(html(ago(labelled, snapshot.at, "no labels yet"))),
        _right(snapshot, model, version),
        _psi(snapshot, model, version),
    ]


def _right(snapshot: Snapshot, model: str, version: str) -> Number:
    windows = snapshot.windows(model, version)[::-1]
    for key in PRIMARY:
        baseline = snapshot.value(f"ml_baseline_performance_{key}", model, version)
        for window in windows:
            value = snapshot.value(f"ml_performance_{key}", model, version, window)
            if value is not None:
                beside = f"baseline {number(baseline, 'unknown')}, {html(window)}"
                return Number(f'{title(key)} {number(value)}<br><span class="muted">{beside}</span>')
    reasons = snapshot.reasons(model, version, windows[0]) if windows else {}
    return unknown(next((short(reasons[key]) for key in PRIMARY if key in reasons), "no labels yet"))


def _psi(snapshot: Snapshot, model: str, version: str) -> Number:
    windows = snapshot.windows(model, version)[::-1]
    for window in windows:
        scores = snapshot.by_first("ml_feature_drift_psi", model, version, window)
        if scores:
            floors = snapshot.by_first("ml_feature_drift_psi_noise_floor", model, version, window)
            feature = max(scores, key=lambda name: scores[name])
            noise = f'<span class="noise">noise {number(floors.get(feature), "unknown")}</span>'
            return Number(
                f'{number(scores[feature])} {noise}<br><span class="muted">{html(feature)}, {html(window)}</span>'
            )
    reasons = snapshot.reasons(model, version, windows[0]) if windows else {}
    return unknown(short(reasons.get("feature_drift_psi")) or "no features")


def _links(metrics_path: str) -> Html:
    ways = [
        f"<li>{link(path.format(metrics=metrics_path), name)}: {html(what)}</li>" for path, name, what in _LINKS
    ]
    posts = [f"<li><code>{escape(name)}</code>: {html(what)}</li>" for name, what in _POSTS]
    return Html(f'<ul class="links">{"".join(ways + posts)}</ul>')
