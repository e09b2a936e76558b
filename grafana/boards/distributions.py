"""How far a variable lies from its baseline, and how it is distributed."""

from __future__ import annotations

from typing import Final

from boards.graphs import columns, graph
from boards.queries import Query, Role, baseline, bin_order, bound, current, noise, threshold
from boards.sdk import build
from boards.tables import Column, Label, table

NO_PREDICTIONS: Final = "no predictions in this window"


def psi(title: str, says: str, score: str, chosen: str, of: str, size: tuple[int, int]) -> build.Panel:
    """Return a PSI with its noise floor and threshold."""
    floor = f"{score}:psi_noise_floor{{{chosen}}}"
    return graph(
        title,
        f"""{says} Higher is worse. Up to the noise floor chance alone explains it; beyond the dashed red line,
        noise floor and threshold together, it alerts.""",
        current(f"{score}:psi{{{chosen}}}", "PSI"),
        noise(floor),
        threshold(f"max({floor}) + max({score}_psi:threshold{{{of}}})", "noise floor and threshold"),
        unit="none",
        none=NO_PREDICTIONS,
        lowest=0,
        size=size,
    )


def distribution(title: str, says: str, now: str, before: str, size: tuple[int, int]) -> build.Panel:
    """Return the share of each bin, now and in the baseline."""
    return columns(
        title,
        says,
        "bin",
        {"baseline": f"max by (bin) ({before})", "now": f"max by (bin) ({now})"},
        bin_order(before),
        none=NO_PREDICTIONS,
        size=size,
    )


def bands(title: str, says: str, now: str, size: tuple[int, int]) -> build.Panel:
    """Return the share of each bin over time, as bands that add up to 100 %."""
    return graph(
        title, says, Query(now, "{{bin}}"), unit="percentunit", none=NO_PREDICTIONS, stacked="percent", size=size
    )


def quantiles(title: str, says: str, now: str, before: str, size: tuple[int, int]) -> build.Panel:
    """Return the middle 90 % and the median over time, in the variable's own unit, beside the baseline's.

    Below the lowest edge ``histogram_quantile`` draws a line to 0, which may be far off: the edge stands there.
    """
    edge = f'label_replace(min({bound(_le(before), "below")}), "at", "edge", "", "")'

    def at(quantile: float) -> str:
        found = _quantile(quantile, now)
        return f"max({found} or {edge}) and on () {found}"

    return graph(
        title,
        f"""{says} The band holds nine of ten numbers, the line in it is the median; dashed: the same of the
        baseline. Without drift they lie on each other. Numbers beyond the baseline's 1 % and 99 % quantiles
        count as there.""",
        Query(at(0.05), "5 %", Role.LOWER),
        Query(at(0.95), "95 %", Role.UPPER),
        current(at(0.5), "median"),
        baseline(_quantile(0.05, before), "baseline 5 %"),
        baseline(_quantile(0.5, before), "baseline median"),
        baseline(_quantile(0.95, before), "baseline 95 %"),
        unit="none",
        none="not a number, sensitive, or no predictions in this window",
        size=size,
    )


def _le(series: str) -> str:
    return f'label_replace({series}, "le", "$1", "below", "(.*)")'


def _quantile(quantile: float, series: str) -> str:
    """Return a quantile, or nothing where there are no numbers, of which it would be NaN."""
    return f"(histogram_quantile({quantile}, sum by (le) ({_le(series)})) > -Inf)"


def measures(title: str, metric: str, chosen: str, size: tuple[int, int]) -> build.Panel:
    """Return every measure that sidecars compute, with its noise floor."""

    def named(suffix: str, without: str) -> str:
        found = f'{{__name__=~"{metric}_.+{suffix}", __name__!~"{without}", {chosen}}}'
        return f'max by (measure) (label_replace({found}, "measure", "$1", "__name__", "{metric}_(.+?){suffix}"))'

    return table(
        title,
        """Every measure as the sidecars compute it; of several the highest value. Higher is worse, but for
        p-values, of which a small one is. Up to the noise floor chance alone explains a measure. The window must
        be one that the sidecar keeps.""",
        [
            Label("measure"),
            Column("value", named("", ".+_(noise_floor|samples)"), "none", 3),
            Column("noise floor", named("_noise_floor", "none"), "none", 3),
        ],
        sort="measure",
        descending=False,
        none="the sidecar does not keep this window, or too few predictions are in it",
        size=size,
    )
