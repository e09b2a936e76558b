"""Ways from one dashboard to another; each keeps the data source and the time range."""

from __future__ import annotations

from typing import Any, Final

from boards.sdk import build, model

TAG: Final = "ml-exporter"


def header() -> Any:
    """Return the list of all dashboards at the head of each, which keeps every variable."""
    listed = build.DashboardLink("Dashboards").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
    return listed.as_dropdown(True).include_vars(True).keep_time(True)


def to(uid: str, **variables: str) -> dict[str, Any]:
    """Return a link of a row or tile; ``variables`` are set from the row's columns of those names."""
    parts = [f"&var-{name}=${{__data.fields.{column}}}" for name, column in variables.items()]
    return _link(uid, f"${{datasource:queryparam}}{''.join(parts)}")


def chosen(uid: str, variable: str) -> dict[str, Any]:
    """Return a link of a row that sets one variable from its column, and keeps those that models are chosen by."""
    kept = "&".join(f"${{{name}:queryparam}}" for name in ("datasource", "model", "version", "window"))
    return _link(uid, f"{kept}&var-{variable}=${{__data.fields.{variable}}}")


def there(uid: str, **variables: str) -> dict[str, Any]:
    """Return a link that keeps every variable; ``variables`` are set from the labels of the value clicked on."""
    parts = [f"&var-{name}=${{__field.labels.{label}}}" for name, label in variables.items()]
    return _link(uid, f"${{__all_variables}}{''.join(parts)}")


def _link(uid: str, query: str) -> dict[str, Any]:
    return {"title": f"Open {uid}", "url": f"/d/{uid}?{query}&${{__url_time_range}}"}
