"""Panels over time, and distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from boards.colours import BASELINE, CURRENT, GREY, NOISE, SEVERAL, THRESHOLD, steps
from boards.colours import verdict as levels
from boards.panels import absent, override, panel
from boards.queries import Query, Role, buckets, letters, live, rows
from boards.sdk import build, model

_HALF: Final = (12, 8)
_DASHED: Final = {"fill": "dash", "dash": [8, 8]}
_MARK: Final = {"custom__lineStyle": _DASHED, "custom__showPoints": "never"}
_LEGEND: Final = {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True}
_TOOLTIP: Final = {"mode": "multi", "sort": "desc"}
_LINE: Final = {
    "drawStyle": "line",
    "fillOpacity": 0,
    "lineInterpolation": "linear",
    "lineWidth": 2,
    "showPoints": "auto",
    "pointSize": 4,
    "spanNulls": False,
}


def _fixed(colour: str) -> dict[str, str]:
    return {"mode": "fixed", "fixedColor": colour}


def _style(query: Query, lower: str, own: str) -> dict[str, Any]:
    """Return how a line of this role looks; ``own`` is the colour of a single one of several."""
    hidden = {"legend": True, "tooltip": False, "viz": False}
    end = {
        "color": _fixed(CURRENT),
        "custom__lineWidth": 0,
        "custom__showPoints": "never",
        "custom__hideFrom": hidden,
    }
    styles: dict[Role, dict[str, Any]] = {
        Role.PLAIN: {"color": _fixed(own)} if own else {},
        Role.CURRENT: {"color": _fixed(CURRENT)},
        Role.BASELINE: {"color": _fixed(BASELINE), **_MARK},
        Role.THRESHOLD: {"color": _fixed(THRESHOLD), **_MARK},
        Role.NOISE: {"color": _fixed(NOISE), "custom__lineWidth": 1},
        Role.LOWER: end,
        Role.UPPER: {**end, "custom__fillBelowTo": lower, "custom__fillOpacity": 20},
    }
    return styles[query.role]


def graph(
    title: str,
    says: str,
    *queries: Query,
    unit: str = "short",
    none: str = "no data",
    lowest: float | None = None,
    highest: float | None = None,
    stacked: str = "",
    logarithmic: bool = False,
    size: tuple[int, int] = _HALF,
) -> build.Panel:
    """Return lines over time, or areas that add up if ``stacked`` is ``normal`` or ``percent``.

    ``logarithmic`` is for values that lie decades below their threshold.
    """
    made = panel("timeseries", title, says, unit, none, size)
    area = {"fillOpacity": 60, "lineWidth": 1, "stacking": {"group": "A", "mode": stacked}} if stacked else {}
    scale = {"scaleDistribution": {"type": "log", "log": 10}} if logarithmic else {}
    made = made.custom({**_LINE, **area, **scale}).options({"legend": _LEGEND, "tooltip": _TOOLTIP})
    if lowest is not None and not logarithmic:
        made = made.min(lowest)
    if highest is not None:
        made = made.max(highest)
    lower = next((query.legend for query in queries if query.role is Role.LOWER), "")
    measured = any(query.role is Role.CURRENT for query in queries)
    several = iter(SEVERAL[measured:])
    for query, ref in zip(queries, letters(26), strict=False):
        single = query.role is Role.PLAIN and "{{" not in query.legend
        if style := _style(query, lower, next(several) if single else ""):
            made = made.with_override(*override(ref, "byFrameRefID", **style))
    return made.targets([live(query, ref) for query, ref in zip(queries, letters(26), strict=False)])


def _cells(made: build.Panel, scheme: str, axis: str, cell: str, most: float | None) -> build.Panel:
    colour: dict[str, Any] = {"mode": "scheme", "scheme": scheme, "reverse": False, "steps": 64, "exponent": 0.5}
    if most is not None:
        colour |= {"min": 0, "max": most}
    options = {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": cell},
        "color": colour,
        "filterValues": {"le": 1e-9 if most is None else -1},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "show": True, "yHistogram": False},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": axis},
    }
    return made.options(options)


def heat(
    title: str, says: str, query: Query, unit: str, most: float, none: str, size: tuple[int, int]
) -> build.Panel:
    """Return a row of cells for each series, from green at 0 to red at ``most``."""
    made = panel("heatmap", title, says, unit, none, size).targets([live(query, "A")])
    return _cells(made, "RdYlGn", "none", unit, most)


def histogram(
    title: str, says: str, expr: str, unit: str, none: str, size: tuple[int, int] = _HALF
) -> build.Panel:
    """Return the buckets of a histogram over time, darker where more fell into them."""
    made = panel("heatmap", title, says, unit, none, size).targets([buckets(expr)])
    return _cells(made, "Blues", unit, "short", None)


def states(
    title: str, says: str, query: Query, none: str, unknown: str = "no data", size: tuple[int, int] = (24, 8)
) -> build.Panel:
    """Return the level of a verdict over time, a line of colours for each series."""
    made = panel("state-timeline", title, says, "none", none, size)
    made = made.mappings([absent(unknown), levels(unknown)]).custom({"fillOpacity": 80, "lineWidth": 0})
    options = {
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False},
        "mergeValues": True,
        "rowHeight": 0.9,
        "showValue": "never",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return made.thresholds(steps(*GREY)).options(options).targets([live(query, "A")])


def columns(
    title: str,
    says: str,
    label: str,
    groups: Mapping[str, str],
    order: str,
    none: str,
    unit: str = "percentunit",
    colours: Mapping[str, str] | None = None,
    size: tuple[int, int] = _HALF,
) -> build.Panel:
    """Return a group of columns for each value of ``label``; ``groups`` are their names with what they show.

    ``order`` is an expression whose value, for each of them, says where they stand.
    """
    made = panel("barchart", title, says, unit, none, size).min(0)
    refs = letters(len(groups) + 1)
    named = dict(zip((f"Value #{ref}" for ref in refs), groups, strict=False))
    last = f"Value #{refs[-1]}"
    made = made.transformations(
        [
            model.DataTransformerConfig("merge", options={}),
            model.DataTransformerConfig(
                "sortBy", options={"fields": {}, "sort": [{"field": last, "desc": False}]}
            ),
            model.DataTransformerConfig(
                "organize",
                options={
                    "excludeByName": {"Time": True, last: True},
                    "indexByName": {name: place for place, name in enumerate([label, *named])},
                    "renameByName": named,
                },
            ),
        ]
    )
    for name, colour in (colours or {"baseline": BASELINE, "now": CURRENT}).items():
        made = made.with_override(*override(name, "byName", color=_fixed(colour)))
    options = {
        "barWidth": 0.9,
        "groupWidth": 0.8,
        "legend": _LEGEND,
        "orientation": "vertical",
        "showValue": "never",
        "stacking": "none",
        "tooltip": {"mode": "multi", "sort": "none"},
        "xField": label,
        "xTickLabelRotation": -45,
        "xTickLabelSpacing": 0,
    }
    made = made.custom({"fillOpacity": 80, "lineWidth": 0}).options(options)
    return made.targets([rows(expr, ref) for expr, ref in zip([*groups.values(), order], refs, strict=True)])


def by_version(title: str, says: str, expr: str, unit: str, none: str) -> build.Panel:
    """Return a small panel with a line for each version."""
    return graph(title, says, Query(expr, "{{version}}"), unit=unit, none=none, size=(8, 8))
