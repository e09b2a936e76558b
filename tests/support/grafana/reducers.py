"""Calculations over the values of one field, under Grafana's names."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from support.grafana.frames import Field, is_number

NAMES = {
    "lastNotNull": "Last *",
    "last": "Last",
    "firstNotNull": "First *",
    "first": "First",
    "min": "Min",
    "max": "Max",
    "mean": "Mean",
    "median": "Median",
    "sum": "Total",
    "count": "Count",
    "range": "Range",
    "delta": "Delta",
    "diff": "Difference",
    "diffperc": "Difference percent",
    "stdDev": "StdDev",
    "variance": "Variance",
    "changeCount": "Change count",
    "distinctCount": "Distinct count",
    "uniqueValues": "All unique values",
}


def _present(values: Sequence[Any]) -> list[Any]:
    return [value for value in values if value is not None and not (isinstance(value, float) and value != value)]


def _numeric(calculate: Callable[[list[float]], float]) -> Callable[[Sequence[Any]], Any]:
    def over(values: Sequence[Any]) -> Any:
        numbers = [value for value in values if is_number(value)]
        return calculate(numbers) if numbers else None

    return over


def _delta(numbers: list[float]) -> float:
    return sum(new - old if new >= old else new for old, new in itertools.pairwise(numbers))


CALCULATIONS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "lastNotNull": lambda values: next(reversed(_present(values)), None),
    "last": lambda values: values[-1] if values else None,
    "firstNotNull": lambda values: next(iter(_present(values)), None),
    "first": lambda values: values[0] if values else None,
    "min": _numeric(min),
    "max": _numeric(max),
    "mean": _numeric(statistics.fmean),
    "median": _numeric(statistics.median),
    "sum": lambda values: sum(value for value in values if is_number(value)),
    "count": lambda values: len(_present(values)),
    "range": _numeric(lambda numbers: max(numbers) - min(numbers)),
    "delta": _numeric(_delta),
    "diff": _numeric(lambda numbers: numbers[-1] - numbers[0]),
    "diffperc": _numeric(lambda numbers: (numbers[-1] - numbers[0]) / numbers[0] if numbers[0] else 0.0),
    "stdDev": _numeric(statistics.pstdev),
    "variance": _numeric(statistics.pvariance),
    "changeCount": lambda values: sum(old != new for old, new in itertools.pairwise(values)),
    "distinctCount": lambda values: len(set(values)),
    "uniqueValues": lambda values: ", ".join(map(str, dict.fromkeys(values))),
}


def reduced(item: Field, calculation: str) -> Any:
    """Return one value for a field."""
    if calculation not in CALCULATIONS:
        raise NotImplementedError(f"calculation {calculation!r}")
    return CALCULATIONS[calculation](item.values)
