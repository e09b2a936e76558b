"""What a panel asks Prometheus, and how its answer is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from boards.colours import FIRED, HEALTHY, NO_DATA, WARNED
from boards.sdk import Dataquery, DataSourceRef, PromQueryFormat

DATASOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")

MODEL: Final = 'model="$model"'
VERSION: Final = f'{MODEL}, version="$version"'
WINDOW: Final = f'{VERSION}, window="$window"'
FEATURE: Final = f'{WINDOW}, feature="$feature"'
INSTANCE: Final = 'instance=~"$instance"'
SIDECARS: Final = f"and on (job, instance) ml_model_info{{{MODEL}}}"
"""Keeps of a model server's series those beside a sidecar of the chosen model."""


class Role(Enum):
    """What a line is, from which its colour and style follow."""

    PLAIN = "one of several"
    CURRENT = "measured"
    BASELINE = "baseline"
    THRESHOLD = "threshold"
    NOISE = "noise floor"
    LOWER = "lower end of a band"
    UPPER = "upper end of a band"


@dataclass(frozen=True)
class Query:
    """An expression, the name of its lines, and their role."""

    expr: str
    legend: str
    role: Role = Role.PLAIN


def current(expr: str, legend: str) -> Query:
    """Return the line that a graph is about."""
    return Query(expr, legend, Role.CURRENT)


def baseline(expr: str, legend: str = "baseline") -> Query:
    """Return the line of the baseline, for all windows the same."""
    return Query(expr, legend, Role.BASELINE)


def threshold(expr: str, legend: str = "threshold") -> Query:
    """Return the line at which an alert begins."""
    return Query(expr, legend, Role.THRESHOLD)


def noise(expr: str, legend: str = "noise floor") -> Query:
    """Return the line up to which chance alone explains a value."""
    return Query(expr, legend, Role.NOISE)


def shortest(series: str, matchers: str = "") -> str:
    """Return a recorded series over five minutes; of a history that has none so short, over an hour."""
    inside = f"{matchers}, " if matchers else ""
    return f'({series}{{{inside}window="5m"}} or ignoring (window) {series}{{{inside}window="1h"}})'


def verdict(known: str, critical: str = "", warning: str = "") -> str:
    """Return the level of a verdict: the worst of two conditions, else healthy where ``known`` has a value."""
    found = ((FIRED, critical), (WARNED, warning), (HEALTHY, known))
    parts = [f"{level} * max(({condition}) ^ 0)" for level, condition in found if condition]
    return "\nor\n".join([*parts, f"vector({NO_DATA})"])


def worst(expr: str, *labels: str, count: int = 20) -> str:
    """Return an expression for those ``labels`` alone that reach the highest values in the time range."""
    by = ", ".join(labels)
    ranged = f"({expr})[$__range:$__interval]" if "(" in expr else f"{expr}[$__range]"
    return f"({expr})\nand on ({by})\ntopk({count}, max by ({by}) (max_over_time({ranged} @ end())))"


def bound(series: str, *labels: str) -> str:
    """Return the label ``le`` of a series as its value, for each of ``labels``.

    PromQL has no other way from a label to a number: it is the highest quantile of a histogram of that one bucket.
    """
    by = ", ".join((*labels, "le"))
    above = f'label_replace({series} ^ 0, "le", "+Inf", "", "")'
    return f"histogram_quantile(1, max by ({by}) ({series} ^ 0 or {above}))"


def bin_order(bins: str) -> str:
    """Return where each bin stands: the upper end of a range of numbers, else the rarer the later."""
    ends = bound(f'label_replace({bins}, "le", "$1", "bin", ".*, (.+)[])]")', "bin")
    return f"({ends} > -Inf < Inf)\nor on (bin)\n1e30 * (1 - max by (bin) ({bins}))"


def firing(*matchers: str) -> str:
    """Return the alerts that fire, but for the one that always does."""
    labels = ", ".join(['alertstate="firing"', 'severity=~"critical|warning"', *matchers])
    return f"ALERTS{{{labels}}}"


def letters(count: int) -> list[str]:
    """Return the reference ids of so many queries."""
    return [chr(ord("A") + place) for place in range(count)]


def live(query: Query, ref: str) -> Dataquery:
    """Return a query over the time range."""
    return _target(query.expr, ref).range().legend_format(query.legend)


def now(query: Query, ref: str) -> Dataquery:
    """Return a query at the end of the time range: a value that has gone is not shown."""
    return _target(query.expr, ref).instant().legend_format(query.legend)


def rows(expr: str, ref: str) -> Dataquery:
    """Return a query at the end of the time range whose labels become columns."""
    return _target(expr, ref).instant().format(PromQueryFormat.TABLE)


def buckets(expr: str) -> Dataquery:
    """Return a query for the buckets of a histogram over the time range."""
    return _target(expr, "A").range().format(PromQueryFormat.HEATMAP).legend_format("{{le}}")


def _target(expr: str, ref: str) -> Dataquery:
    return Dataquery().expr(expr).ref_id(ref).datasource(DATASOURCE)
