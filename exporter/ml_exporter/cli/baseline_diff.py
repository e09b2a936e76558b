"""``ml-exporter baseline diff``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ml_exporter.cli.options import add_command, answering

if TYPE_CHECKING:
    from ml_exporter.compare.difference import Difference

EXAMPLE: Final = """\
example:
  ml-exporter baseline diff flights.2013-03.json flights.2013-04.json

Scores say how the rows of B are distributed against those of A, in bins that both know; where bins had to be put
together they are lower bounds, have no noise floor, and the last column says how many bins are left. Where edges
differ, the bounds of the Kolmogorov-Smirnov statistic that follow from both are told as well. It ends with 0 if
both hold the same but for their sources and dates, with 1 if they differ, and with 2 if a file is unusable.
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = add_command(
        commands,
        "diff",
        "show what differs between two baseline files",
        "Show what differs between two baseline files: features, bins, distributions, bad values, performance.",
        EXAMPLE,
    )
    parser.add_argument("a", type=Path, metavar="A", help="baseline file")
    parser.add_argument("b", type=Path, metavar="B", help="baseline file to compare with it")
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="text or JSON document (default: text)"
    )
    parser.set_defaults(run=answering(_run))


def _run(given: argparse.Namespace) -> int:
    from ml_exporter.baseline import document
    from ml_exporter.compare.difference import difference

    found = difference(document.read(given.a), document.read(given.b))
    if given.format == "json":
        print(json.dumps(found.document(), indent=2, allow_nan=False))
    else:
        for line in _lines(found):
            print(line)
    return int(not found.same)


def _lines(found: Difference) -> Iterator[str]:
    from ml_exporter.cli import check_text

    if found.same:
        yield "the same"
        return
    for name, a, b in found.facts:
        yield f"{name.replace('_', ' ')}: {_shown(a)} -> {_shown(b)}"
    for sign, names in (("+", found.added), ("-", found.removed)):
        yield from (f"{sign} {name}" for name in names)
    yield from (f"~ {name}: {a} -> {b}" for name, a, b in found.other_kind)
    for item in found.variables:
        changes = list(item.changes)
        if item.report is None:
            changes.append("not comparable in bins")
        if item.gap is not None:
            changes.append(f"KS between {item.gap[0]:.3f} and {item.gap[1]:.3f}")
        if changes:
            yield f"~ {item.name}: {'; '.join(changes)}"
    comparable = [(item, item.report) for item in found.variables if item.report is not None]
    if comparable:
        yield ""
        head = ["", "B against A", *check_text.HEAD, "bins"]
        rows = []
        for item, report in comparable:
            name = item.name if item.role == "feature" else "(predictions)"
            cells = check_text.drift_row(name, report)
            rows.append(["", *cells[1:], f"{item.bins}" if item.bins == item.of else f"{item.bins} of {item.of}"])
        yield from check_text.table([head, *rows])
        yield ""
        yield check_text.LEGEND
    if bad := check_text.quality_rows([report for _, report in comparable], "B (A)"):
        yield ""
        yield from check_text.table(bad)
    if found.performance:
        yield ""
        yield from check_text.table(list(check_text.performance_rows(found.performance, "B", "A")))


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)
