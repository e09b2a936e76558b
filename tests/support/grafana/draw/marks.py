"""Annotations that come from Prometheus, as marks on the plots."""

from __future__ import annotations

from dataclasses import dataclass

from support.grafana.dashboard import Panel, seconds_of
from support.grafana.draw import colours
from support.grafana.frames import is_number
from support.grafana.intervals import aligned, step
from support.grafana.prometheus import PrometheusError
from support.grafana.queries import QueryError, Ran
from support.grafana.series import number


@dataclass
class Marks:
    """The times of one annotation, its colour, and the panels that it is limited to."""

    times: list[float]
    colour: str
    only: set[int]
    excluded: set[int]


def times(ran: Ran) -> list[Marks]:
    """Return the marks of all annotations that are enabled and have a query."""
    found = []
    for document in ran.dashboard.annotations:
        source = document.get("datasource") or {}
        target = document.get("target") or {}
        expression = document.get("expr") or target.get("expr")
        if not document.get("enable", True) or not expression:
            continue
        if isinstance(source, dict) and source.get("type") == "grafana":
            continue
        limited = document.get("filter") or {}
        ids = set(limited.get("ids") or [])
        exclude = bool(limited.get("exclude"))
        made = Marks([], colours.colour(document.get("iconColor"), "#5794F2"), set(), set())
        made.only, made.excluded = (set(), ids) if exclude else (ids, set())
        made.times = _events(ran, str(document.get("name")), document, expression)
        found.append(made)
    return found


def _events(ran: Ran, name: str, document: dict[str, object], expression: str) -> list[float]:
    """Return the starts of the periods in which a query has a value that is not zero."""
    runner = ran.runner
    start, end = runner.end - runner.seconds, runner.end
    least = seconds_of(str(document.get("step") or "60s"))
    every = max(step(runner.seconds, 11000, least), least)
    expression = runner.scope.with_builtin(__interval=f"{every:g}s", __rate_interval=f"{4 * every:g}s").promql(
        expression
    )
    try:
        data = runner.prometheus.range(expression, aligned(start, every), aligned(end, every), every)
    except PrometheusError as error:
        raise QueryError(f"annotation {name!r}: {error}\n{expression}") from error
    events: list[float] = []
    for row in data["result"]:
        if document.get("useValueForTime"):
            events += [number(value) for _, value in row["values"] if is_number(number(value))]
            continue
        last = -1e18
        for at, value in row["values"]:
            if number(value) != 0:
                if at - last > every * 1.5:
                    events.append(at * 1000)
                last = at
    return sorted(set(events))


def on(found: list[Marks], panel: Panel) -> list[tuple[float, str]]:
    """Return the marks of one panel."""
    wanted = [each for each in found if (not each.only or panel.id in each.only) and panel.id not in each.excluded]
    return [(at, each.colour) for each in wanted for at in each.times]
