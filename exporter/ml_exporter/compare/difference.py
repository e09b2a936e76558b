"""Two baselines side by side: what each knows, how differently they are distributed, how right each model was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import msgspec
import numpy as np
from msgspec.structs import replace

from ml_exporter.baseline.document import BaselineDocument, VariableDocument
from ml_exporter.baseline.reference import reference_of
from ml_exporter.baseline.schema import schema_of
from ml_exporter.compare.common import gap_bounds, in_common
from ml_exporter.compare.numbers import Numbers
from ml_exporter.compare.report import Performance, VariableReport, performance_of, variable_report
from ml_exporter.core.schema import Role, Task
from ml_exporter.signals.signal import ModelContext
from ml_exporter.sums import OUTCOME_TALLIES, PREDICTION_TALLIES
from ml_exporter.sums.tally import Tallies

_ASIDE: Final = ("created", "source", "sha256")
"""What two baselines of the same data may differ in."""

_FACTS: Final = ("task", "rows", "classes", "positive_class", "threshold", "weeks_of_volume")


@dataclass(frozen=True)
class Compared:
    """A variable that both have, of one kind: the distribution of the second against that of the first.

    ``bins`` are those in which they are compared, of how many that the first has; 0 where none are in common.
    ``gap`` are the bounds of the Kolmogorov-Smirnov statistic of a numeric variable whose edges differ.
    """

    report: VariableReport | None
    name: str
    role: str
    bins: int
    of: int
    gap: tuple[float, float] | None
    changes: tuple[str, ...]

    @property
    def excess(self) -> float:
        """The PSI beyond its noise floor; without one what the gap says, beyond all others."""
        if self.report is not None:
            return self.report.excess
        return 1e9 + (self.gap[0] if self.gap is not None else 1.0)


@dataclass(frozen=True)
class Difference:
    """All that differs; variables worst first."""

    same: bool
    facts: tuple[tuple[str, Any, Any], ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    other_kind: tuple[tuple[str, str, str], ...]
    variables: tuple[Compared, ...]
    performance: tuple[Performance, ...]

    def document(self) -> dict[str, Any]:
        """Return the difference for JSON."""
        return asdict(self)


def difference(a: BaselineDocument, b: BaselineDocument) -> Difference:
    """Return how ``b`` differs from ``a``."""
    known_a, known_b = ({(v.role, v.name): v for v in document.variables} for document in (a, b))
    both = [key for key in known_a if key in known_b]
    other_kind = [key for key in both if known_a[key].kind != known_b[key].kind]
    pairs = [(known_a[key], known_b[key]) for key in both if key not in other_kind]
    compared = _compared(a, b, pairs)
    return Difference(
        same=_content(a) == _content(b),
        facts=tuple(
            (name, getattr(a, name), getattr(b, name)) for name in _FACTS if getattr(a, name) != getattr(b, name)
        ),
        added=tuple(name for role, name in known_b if (role, name) not in known_a),
        removed=tuple(name for role, name in known_a if (role, name) not in known_b),
        other_kind=tuple((key[1], known_a[key].kind, known_b[key].kind) for key in other_kind),
        variables=tuple(sorted(compared, key=lambda item: -item.excess)),
        performance=_performance(a, b),
    )


def _content(document: BaselineDocument) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(document)
    return {key: value for key, value in content.items() if key not in _ASIDE}


def _compared(
    a: BaselineDocument, b: BaselineDocument, pairs: list[tuple[VariableDocument, VariableDocument]]
) -> Iterator[Compared]:
    common = [in_common(*pair) for pair in pairs]
    found = [pair for pair in common if pair is not None]
    numbers = _numbers(
        _of_variables(a, [one for one, _ in found]),
        _of_variables(b, [two for _, two in found]),
    )
    for (one, two), shared in zip(pairs, common, strict=True):
        changes = tuple(_changes(one, two))
        size = len(one.counts)
        gap = gap_bounds(one, two) if one.edges != two.edges else None
        if shared is None:
            yield Compared(None, one.name, one.role, 0, size, gap, changes)
        else:
            report = variable_report(one.name, one.kind, Role(one.role), numbers, np.inf)
            yield Compared(report, one.name, one.role, len(shared[0].counts), size, gap, changes)


def _numbers(a: BaselineDocument, b: BaselineDocument) -> Numbers:
    """Return what the signals say of the sums of ``b`` against those of ``a``, both in common bins."""
    schema, _ = schema_of("", Task(a.task), a, {})
    tallies = Tallies(schema, PREDICTION_TALLIES, OUTCOME_TALLIES)
    sums = reference_of(schema, tallies, b).sums
    sums["traffic"][0] = b.rows
    return Numbers(ModelContext(reference_of(schema, tallies, a), 1), sums)


def _changes(a: VariableDocument, b: VariableDocument) -> Iterator[str]:
    """Yield what the two know differently, other than counts."""
    if a.edges != b.edges:
        shared = len(set(a.edges or ()) & set(b.edges or ()))
        yield f"{len(a.edges or ()):,} edges -> {len(b.edges or ()):,}, {shared:,} in common"
    names_a, names_b = a.categories or [], b.categories or []
    if new := [name for name in names_b if name not in names_a]:
        yield f"categories added: {', '.join(new)}"
    if gone := [name for name in names_a if name not in names_b]:
        yield f"categories removed: {', '.join(gone)}"
    if (a.minimum, a.maximum) != (b.minimum, b.maximum):
        yield f"range {_shown(a.minimum)} to {_shown(a.maximum)} -> {_shown(b.minimum)} to {_shown(b.maximum)}"
    if a.sensitive != b.sensitive:
        yield "is sensitive now" if b.sensitive else "is not sensitive any more"


def _shown(value: float | None) -> str:
    return "?" if value is None else f"{value:.6g}"


def _performance(a: BaselineDocument, b: BaselineDocument) -> tuple[Performance, ...]:
    """Return each measure over the labels of ``b``, beside the same over those of ``a``."""
    numbers = []
    for document in (a, b):
        schema, _ = schema_of("", Task(document.task), document, {})
        tallies = Tallies(schema, PREDICTION_TALLIES, OUTCOME_TALLIES)
        numbers.append(Numbers(ModelContext(reference_of(schema, tallies, document), 1), tallies.zero()))
    return tuple(performance_of(numbers[0], numbers[1]))


def _of_variables(document: BaselineDocument, variables: list[VariableDocument]) -> BaselineDocument:
    """Return a baseline of these variables alone: nothing that rests on others, or on labels."""
    return replace(
        document,
        variables=variables,
        outcomes={},
        segments=[],
        attributions=[],
        multivariate=None,
        calibration=None,
    )
