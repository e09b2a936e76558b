"""What every panel has, and the tiles: one number, one verdict, or a bar for each of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from boards.colours import GREY, NEUTRAL, UNKNOWN, steps
from boards.colours import verdict as levels
from boards.queries import DATASOURCE, Query, letters, now
from boards.sdk import build, model

Steps = Sequence[tuple[float | None, str]]

_LAST: Final = {"calcs": ["lastNotNull"], "fields": "", "values": False}


def panel(kind: str, title: str, says: str, unit: str, none: str, size: tuple[int, int]) -> build.Panel:
    """Return a panel to be filled; ``none`` is its text when there is nothing to show, ``size`` of 24 columns."""
    made = build.Panel().type(kind).title(title).description(" ".join(says.split())).datasource(DATASOURCE)
    return made.unit(unit).no_value(none).span(size[0]).height(size[1])


def override(ref_or_name: str, by: str, **properties: Any) -> tuple[Any, Any]:
    """Return a matcher and what it changes; ``custom__x`` stands for ``custom.x``."""
    values = [model.DynamicConfigValue(key.replace("__", "."), value) for key, value in properties.items()]
    return model.MatcherConfig(by, ref_or_name), values


def absent(text: str) -> Any:
    """Return the mapping by which what is not there is grey, and never has the colour of the lowest value."""
    result = model.ValueMappingResult(text=text, color=UNKNOWN)
    options = model.DashboardSpecialValueMapOptions(match=model.SpecialValueMatch.NULL_AND_NAN, result=result)
    return model.SpecialValueMap(options)


def stat(
    title: str,
    says: str,
    *queries: Query,
    unit: str = "short",
    none: str = "no data",
    colours: Steps = NEUTRAL,
    mapping: Any = None,
    link: dict[str, Any] | None = None,
    decimals: int | None = None,
    shown: str = "",
    size: tuple[int, int] = (4, 3),
) -> build.Panel:
    """Return a tile with the newest value, or one for each query under its name; ``shown`` may be ``name``."""
    made = panel("stat", title, says, unit, none, size)
    made = made.thresholds(steps(*colours)).mappings([absent(none), *([mapping] if mapping else [])])
    if decimals is not None:
        made = made.decimals(decimals)
    several = len(queries) > 1 or "{{" in queries[0].legend
    coloured = mapping is not None or colours is not NEUTRAL
    made = made.options(
        {
            "colorMode": "background" if coloured else "value",
            "graphMode": "none",
            "justifyMode": "center",
            "orientation": "auto",
            "reduceOptions": _LAST,
            "textMode": shown or ("value_and_name" if several else "value"),
        }
    )
    if link:
        made = made.data_links([_link(link)])
    return made.targets([now(query, ref) for query, ref in zip(queries, letters(26), strict=False)])


def verdict(
    title: str,
    says: str,
    expr: str,
    link: dict[str, Any],
    unknown: str,
    words: tuple[str, str, str] = ("ok", "warning", "critical"),
) -> build.Panel:
    """Return a tile with the level of a verdict as a word on its colour."""
    mapping = levels(unknown, *words)
    return stat(
        title, says, Query(expr, title), unit="none", none=unknown, colours=GREY, mapping=mapping, link=link
    )


def bars(
    title: str,
    says: str,
    query: Query,
    unit: str,
    colours: Steps = NEUTRAL,
    none: str = "no data",
    highest: float | None = None,
    link: dict[str, Any] | None = None,
    size: tuple[int, int] = (8, 8),
) -> build.Panel:
    """Return a horizontal bar for each series, the longest first if the query is sorted so."""
    made = panel("bargauge", title, says, unit, none, size).min(0).thresholds(steps(*colours))
    made = made.mappings([absent(none)])
    if highest is not None:
        made = made.max(highest)
    if link:
        made = made.data_links([_link(link)])
    options = {
        "displayMode": "basic",
        "minVizHeight": 10,
        "minVizWidth": 0,
        "orientation": "horizontal",
        "reduceOptions": _LAST,
        "showUnfilled": True,
    }
    return made.options(options).targets([now(query, "A")])


def _link(link: dict[str, Any]) -> Any:
    return build.DashboardLink(link["title"]).url(link["url"])
