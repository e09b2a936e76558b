"""The variables at the head of a dashboard: which model, version, window, feature or sidecar is shown."""

from __future__ import annotations

from typing import Any, Final

from boards.queries import DATASOURCE, MODEL, WINDOW
from boards.sdk import build, model

WINDOWS: Final = ("5m", "1h", "24h")
"""Those that the recording rules have."""

_DEFAULT_WINDOW: Final = "24h"


def datasource() -> Any:
    """Return the choice of a Prometheus."""
    return build.DatasourceVariable("datasource").label("Data source").type("prometheus")


def models() -> Any:
    """Return the choice of a model."""
    return _query("model", "label_values(model:ml_model:owner, model)").sort(model.VariableSort.ALPHABETICAL_ASC)


def versions() -> Any:
    """Return the choice of a version, the one with most predictions first, so that a page opens with it."""
    predictions = f'model_version:ml_predictions:increase{{{MODEL}, window=~"5m|24h"}}'
    return _ranked("version", f"sum by (version) ({predictions})")


def windows() -> Any:
    """Return the choice of a window; alerts on drift and performance judge over the one that it opens with."""
    chosen = model.VariableOption(selected=True, text=_DEFAULT_WINDOW, value=_DEFAULT_WINDOW)
    options = [model.VariableOption(selected=each == _DEFAULT_WINDOW, text=each, value=each) for each in WINDOWS]
    return (
        build.CustomVariable("window").label("Window").values(",".join(WINDOWS)).current(chosen).options(options)
    )


def features() -> Any:
    """Return the choice of a feature, the one with the highest PSI first."""
    return _ranked("feature", f"model_version_feature:ml_feature_drift:psi{{{WINDOW}}}")


def segments() -> Any:
    """Return the choice of a segment."""
    choice = _query(
        "segment", f"label_values(model_version_segment_group:ml_segment_share:ratio{{{MODEL}}}, segment)"
    )
    return choice.sort(model.VariableSort.ALPHABETICAL_ASC)


def instances() -> Any:
    """Return the choice of sidecars."""
    every = model.VariableOption(selected=True, text="All", value="$__all")
    choice = _query("instance", "label_values(ml_exporter_build_info, instance)")
    choice = choice.sort(model.VariableSort.ALPHABETICAL_ASC)
    return choice.label("Sidecar").multi(True).include_all(True).all_value(".+").current(every)


def number(name: str, label: str, default: str) -> Any:
    """Return a number that the reader types in."""
    chosen = model.VariableOption(selected=True, text=default, value=default)
    return build.TextBoxVariable(name).label(label).default_value(default).current(chosen).options([chosen])


def _query(name: str, query: str) -> Any:
    choice = build.QueryVariable(name).label(name.capitalize()).datasource(DATASOURCE)
    choice = choice.query({"query": query, "refId": name}).definition(query)
    return choice.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)


def _ranked(name: str, series: str) -> Any:
    ranked = _query(name, f"query_result(sort_desc({series}))")
    return ranked.regex(f'/\\b{name}="([^"]+)"/').sort(model.VariableSort.DISABLED)
