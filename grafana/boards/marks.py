"""What happened meanwhile, marked on every graph of a model."""

from __future__ import annotations

from typing import Any

from boards.colours import CRITICAL, CURRENT, RETRAINED
from boards.queries import DATASOURCE, MODEL
from boards.sdk import build


def of_model() -> tuple[Any, ...]:
    """Return new versions, alerts and retrainings."""
    configured = f"model_version:ml_model:configured{{{MODEL}}}"
    retrained = f"max by (model) (ml_retrain_last_success_timestamp_seconds{{{MODEL}}})"
    fires = f'max by (alertname) (ALERTS{{{MODEL}, alertstate="firing"}})'
    return (
        _mark("New version", CURRENT, f"{configured} unless {configured} offset 5m", "version {{version}}"),
        _mark("Firing alert", CRITICAL, fires, "{{alertname}}"),
        _mark(
            "Retraining started",
            RETRAINED,
            f"time() - {retrained} < 300",
            "retraining of {{model}} started",
        ),
    )


def _mark(name: str, colour: str, expr: str, title: str) -> Any:
    made = build.AnnotationQuery().name(name).datasource(DATASOURCE).enable(True).icon_color(colour)
    return made.expr(expr).title_format(title).text_format("").step("60s")
