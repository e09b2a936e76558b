"""How a threshold of thresholds.yml, with its overrides, becomes one value for each series that it judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import inf
from typing import Final

from definitions.rule import Record

KEYS: Final = ("model", "version", "feature")


@dataclass(frozen=True)
class Threshold:
    """A threshold that people set.

    ``scope`` are the labels by which it can be overridden, of :data:`KEYS`; ``kinds`` the labels that tell its
    several defaults apart, with the values each may have. ``default`` is what thresholds.yml comes with: a number,
    one for each value of the label in ``kinds``, or none. The value lies between ``lowest`` and ``highest``, or is
    ``silent``, at which nothing fires; where that is None, no line is silent.
    """

    name: str
    meaning: str
    default: float | Mapping[str, float] | None
    scope: tuple[str, ...] = ()
    kinds: tuple[tuple[str, tuple[str, ...]], ...] = ()
    lowest: float = 0.0
    highest: float = 1.0
    silent: float | None = inf

    @property
    def series(self) -> str:
        """The recorded series of thresholds.yml."""
        return f"ml:{self.name}:threshold"

    def lines(self) -> list[str]:
        """Return the defaults as lines of thresholds.yml."""
        if self.default is None:
            return []
        if not isinstance(self.default, Mapping):
            return [f'{{record: "{self.series}", expr: vector({self.default:.10g})}}']
        ((label, _),) = self.kinds
        return [
            f'{{record: "{self.series}", labels: {{{label}: "{value}"}}, expr: vector({number:.10g})}}'
            for value, number in self.default.items()
        ]

    def records(self, judged: str, level: str) -> Record:
        """Return the rule that gives each series of ``judged`` its own threshold, the most specific one.

        The result has the labels of ``judged``, so that an alert compares the two without further ado.
        """
        kinds = [label for label, _ in self.kinds]
        branches = [
            f"({judged} ^ 0) * on ({', '.join([*kinds, *chosen])}) group_left () {self.series}{self._matchers(chosen)}"
            for chosen in _most_specific_first(self.scope)
        ]
        return Record(f"{level}:ml_{self.name}:threshold", "\nor\n".join(branches))

    def _matchers(self, chosen: Sequence[str]) -> str:
        parts = [f'{key}!=""' if key in chosen else f'{key}=""' for key in self.scope]
        return f"{{{', '.join(parts)}}}" if parts else ""


def _most_specific_first(scope: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the label sets by which a threshold can be named; a version only together with its model."""
    found = [
        chosen
        for size in range(len(scope), -1, -1)
        for chosen in combinations(scope, size)
        if "version" not in chosen or "model" in chosen
    ]
    return sorted(found, key=lambda chosen: (-len(chosen), "feature" not in chosen))


def only(threshold: Threshold) -> str:
    """Return an expression for a threshold that is the same for all."""
    return f"on () group_left () {threshold.series}"
