"""The report of ``ml-exporter check`` for a terminal: worst first, at most 100 columns wide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ml_exporter.core.text import printable
from ml_exporter.pages.words import SHORT

if TYPE_CHECKING:
    from ml_exporter.compare.report import Performance, Report, VariableReport

WIDTH: Final = 100
"""Columns of a line at most."""

_DRIFT: Final = (
    ("psi", "PSI"),
    ("jensen_shannon", "JS"),
    ("kolmogorov_smirnov", "KS"),
    ("wasserstein", "W"),
    ("chi_squared", "chi2"),
    ("cramers_v", "V"),
    ("l_infinity", "Linf"),
)
HEAD: Final = ("PSI", "noise", *(title for _, title in _DRIFT[1:]), "p")
_PVALUES: Final = ("kolmogorov_smirnov_pvalue", "chi_squared_pvalue")
_AZURE: Final = (("azure_psi", "PSI"), ("azure_jensen_shannon", "JS"), ("azure_chi_squared_pvalue", "p of chi2"))
LEGEND: Final = "noise: PSI without drift stays below. W in standard deviations of the baseline. p: of KS or chi2."
_SIGN: Final = {True: "!", False: " ", None: "?"}
_RED, _BOLD, _PLAIN = "\033[31m", "\033[1m", "\033[0m"

Table = Sequence[Sequence[str]]


def lines(report: Report, *, colour: bool) -> Iterator[str]:
    """Yield the report; ``colour`` paints what has drifted."""
    variables = [*report.features, *([report.predictions] if report.predictions is not None else [])]
    names = [*(feature.name for feature in report.features), "(predictions)"]
    head = ["", "feature", *HEAD]
    rows = [drift_row(name, variable) for name, variable in zip(names, variables, strict=False)]
    for line, row in zip(table([head, *rows]), [head, *rows], strict=True):
        yield _painted(line, _RED if row[0] == "!" else "", colour)
    yield ""
    yield LEGEND
    if azure := list(azure_rows(names, variables)):
        yield ""
        yield from table([["", "as Azure ML has it", *(title for _, title in _AZURE)], *azure])
    if bad := quality_rows(report.features, "now (baseline)"):
        yield ""
        yield from table(bad)
    if report.performance:
        yield ""
        yield from table(list(performance_rows(report.performance)))
    yield ""
    yield _rested_on(report)
    yield _painted(_verdict(report), _BOLD + _RED if report.drift else _BOLD, colour)


def _rested_on(report: Report) -> str:
    unjudged = sum(feature.drifted is None for feature in report.features)
    told = f", {unjudged} of which (?) cannot be judged" if unjudged else ""
    labels = f", {report.labels:,} labels" if report.labels else ""
    return f"{_features(len(report.features))}{told}; {report.rows:,} rows{labels}"


def _features(count: int) -> str:
    return f"{count} feature{'' if count == 1 else 's'}"


def _verdict(report: Report) -> str:
    unjudged = ""
    if report.predictions is not None and report.predictions.drifted is None:
        reason = report.predictions.reason
        unjudged = f"the predictions (?) cannot be judged: {SHORT.get(reason, reason)}"
    if not report.drift:
        return f"no drift of the features, but {unjudged}" if unjudged else "no drift"
    what = []
    if report.drifted:
        what.append(f"{_features(len(report.drifted))} (!)")
    if report.predictions is not None and report.predictions.drifted:
        what.append("the predictions")
    if report.widespread and report.share is not None:
        what.append(f"{report.share:.0%} of the features at least a little")
    return f"drift of {', '.join(what)}{f'; {unjudged}' if unjudged else ''}"


def performance_rows(
    found: Sequence[Performance], now: str = "now", before: str = "baseline"
) -> Iterator[list[str]]:
    """Yield the performance measures, with the reasons where one has no value."""
    told = any(item.reason for item in found)
    yield ["", "performance", now, before, *(["why there is none"] if told else [])]
    for item in found:
        name = f"{item.measure} of {item.of_class}" if item.of_class else item.measure
        yield ["", name, _number(item.value), _number(item.baseline), *([item.reason] if told else [])]


def drift_row(name: str, variable: VariableReport) -> list[str]:
    """Return the scores of a variable under :data:`HEAD`, before them whether it has drifted, and its name."""
    psi = variable.drift["psi"]
    cells = [_SIGN[variable.drifted], name, _number(psi.value), _number(psi.noise_floor)]
    for key, _ in _DRIFT[1:]:
        cells.append(_number(variable.drift[key].value) if key in variable.drift else "")
    pvalue = next((variable.drift[key].value for key in _PVALUES if key in variable.drift), None)
    return [*cells, _number(pvalue)]


def azure_rows(names: Sequence[str], variables: Sequence[VariableReport]) -> Iterator[list[str]]:
    """Yield the scores that Azure's definitions give to the variables, if they were asked for."""
    for name, variable in zip(names, variables, strict=False):
        found = [variable.drift[key].value if key in variable.drift else None for key, _ in _AZURE]
        if any(value is not None for value in found):
            yield ["", name, *map(_number, found)]


def quality_rows(features: Sequence[VariableReport], title: str) -> list[list[str]]:
    """Return the shares of bad values of those features that have some, now or in the baseline."""
    bad = [feature for feature in features if any(max(pair) > 0 for pair in feature.quality.values())]
    kinds = list(dict.fromkeys(key for feature in bad for key in feature.quality))
    head = ["", title, *(kind.replace("_", " ") for kind in kinds)]
    return [head, *(["", feature.name, *_shares(feature, kinds)] for feature in bad)] if bad else []


def _shares(feature: VariableReport, kinds: Sequence[str]) -> Iterator[str]:
    for kind in kinds:
        pair = feature.quality.get(kind)
        yield f"{_share(pair[0])} ({_share(pair[1])})" if pair is not None else ""


def _share(value: float) -> str:
    if not value:
        return "0"
    return "<0.1%" if value < 0.001 else f"{value:.1%}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value and abs(value) < 0.001:
        return "<0.001" if value > 0 else ">-0.001"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:.3g}"


def table(rows: Table) -> Iterator[str]:
    """Yield the lines of a table: the second column is as wide as there is room, those after it are numbers."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rest = sum(width + 1 for width in (*widths[:1], *widths[2:]))
    widths[1] = min(widths[1], WIDTH - rest)
    for row in rows:
        name = printable(row[1], widths[1])
        numbers = (cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True))
        yield " ".join((row[0].ljust(widths[0]), name.ljust(widths[1]), *numbers)).rstrip()


def _painted(line: str, code: str, colour: bool) -> str:
    return f"{code}{line}{_PLAIN}" if colour and code else line
