"""Every query of a dashboard, as Grafana's Prometheus data source sends it, and the frames that come back."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.grafana import intervals
from support.grafana.dashboard import Dashboard, Panel, load, panel_width, seconds_of
from support.grafana.frames import Frame
from support.grafana.interpolation import Scope
from support.grafana.layout import Placed, placed
from support.grafana.prometheus import Prometheus, PrometheusError
from support.grafana.series import heatmap, series, tables
from support.grafana.variables import Choices, resolve

WIDTH = 1600
SCRAPE = "15s"
LEGEND_LABEL = re.compile(r"\{\{\s*(.+?)\s*\}\}")


class QueryError(Exception):
    """Prometheus refused the query of a panel."""


@dataclass
class Result:
    """What one target of a panel returned."""

    panel: Panel
    target: dict[str, Any]
    expression: str
    frames: list[Frame]
    seconds: float
    labels: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Runner:
    """Sends queries for one time range; `scrape` is the scrape interval that the data source is told."""

    prometheus: Prometheus
    scope: Scope
    end: float
    seconds: float
    width: float = WIDTH
    scrape: str = SCRAPE

    def window(self, panel: Panel) -> tuple[float, float]:
        """Return start and end of a panel, which may have a range or a shift of its own."""
        seconds = seconds_of(panel.document["timeFrom"]) if panel.document.get("timeFrom") else self.seconds
        shift = seconds_of(panel.document["timeShift"]) if panel.document.get("timeShift") else 0.0
        return self.end - shift - seconds, self.end - shift

    def run(self, panel: Panel) -> list[Result]:
        """Run all targets of a panel that are not hidden."""
        targets = [target for target in panel.targets if not target.get("hide")]
        results = [result for target in targets for result in self._target(panel, target)]
        in_tables = [result for result in results if result.target.get("format") == "table"]
        if any(result.frames for result in in_tables):
            answers = [(str(result.target.get("refId", "A")), result.frames) for result in in_tables]
            for result, frame in zip(in_tables, tables(answers), strict=True):
                result.frames = [frame]
        return results

    def steps(self, panel: Panel, target: dict[str, Any]) -> tuple[float, float]:
        """Return `$__interval` of the panel and the step of a target, in seconds."""
        start, end = self.window(panel)
        points = panel.document.get("maxDataPoints") or int(panel_width(panel, self.width))
        least = seconds_of(self.scope.fill(panel.document.get("interval") or "").lstrip(">") or self.scrape)
        interval = intervals.step(end - start, points, least)
        asked = target.get("interval") or ""
        if "__rate_interval" in asked:
            return interval, intervals.rate_interval(interval, seconds_of(self.scrape))
        asked = "" if "__interval" in asked else self.scope.fill(asked)
        step = intervals.step(end - start, points, seconds_of(asked)) if asked else interval
        return interval, step * (target.get("intervalFactor") or 1)

    def expression(self, panel: Panel, target: dict[str, Any]) -> str:
        """Return the expression of a target as it is sent."""
        interval, step = self.steps(panel, target)
        start, end = self.window(panel)
        asked = self.scope.fill(target.get("interval") or "")
        scrape = seconds_of(asked if asked and "$" not in asked else self.scrape)
        rate = intervals.rate_interval(interval, scrape)
        if "__rate_interval" in asked:
            rate = step
        seconds = round(end - start)
        scope = self.scope.with_fixed(panel.scoped).with_builtin(
            __interval=intervals.written(step),
            __interval_ms=str(round(step * 1000)),
            __rate_interval=intervals.written(rate),
            __rate_interval_ms=str(round(rate * 1000)),
            __range=f"{seconds}s",
            __range_s=str(seconds),
            __range_ms=str(round((end - start) * 1000)),
        )
        return scope.promql(target.get("expr") or "")

    def _target(self, panel: Panel, target: dict[str, Any]) -> Iterator[Result]:
        source = target.get("datasource") or panel.document.get("datasource") or {}
        if isinstance(source, dict) and (source.get("type") or "prometheus") != "prometheus":
            raise NotImplementedError(f"panel {panel.title!r}: data source {source['type']!r}")
        expression = self.expression(panel, target)
        if not expression:
            return
        if target.get("range") or not target.get("instant"):
            yield self._sent(panel, target, expression, instant=False)
        if target.get("instant"):
            yield self._sent(panel, target, expression, instant=True)

    def _sent(self, panel: Panel, target: dict[str, Any], expression: str, *, instant: bool) -> Result:
        start, end = self.window(panel)
        step = self.steps(panel, target)[1]
        began = time.perf_counter()
        try:
            if instant:
                data = self.prometheus.instant(expression, end)
            else:
                first, last = intervals.aligned(start, step), intervals.aligned(end, step)
                data = self.prometheus.range(expression, first, last, step)
        except PrometheusError as error:
            where = f"panel {panel.title!r}, query {target.get('refId', 'A')}"
            raise QueryError(f"{where}: {error}\n{expression}") from error
        took = time.perf_counter() - began
        legend = self.scope.with_fixed(panel.scoped).fill(target.get("legendFormat") or "")
        frames = series(data, target.get("refId", "A"), legend, expression, None if instant else step)
        labels = [value.labels for frame in frames for value in frame.fields[1:]]
        if target.get("format") == "heatmap":
            frames = heatmap(frames)
        return Result(panel, target, expression, frames, took, labels)


@dataclass
class Ran:
    """A dashboard whose queries have run; rows open where they were asked to be."""

    dashboard: Dashboard
    runner: Runner
    placed: list[Placed]
    results: list[Result]

    def frames(self, panel: Panel) -> list[Frame]:
        """Return what the targets of a panel returned."""
        return [frame for result in self.results if result.panel is panel for frame in result.frames]


def run(
    path: Path,
    prometheus_url: str,
    *,
    end: float,
    seconds: float,
    choices: Choices | None = None,
    width: float = WIDTH,
    scrape: str = SCRAPE,
    expand: bool = True,
) -> Ran:
    """Resolve the variables of a dashboard and run its queries; collapsed rows run where `expand` opens them."""
    dashboard, prometheus = load(path), Prometheus(prometheus_url)
    scope = resolve(dashboard, prometheus, end=end, seconds=seconds, choices=choices)
    runner = Runner(prometheus, scope, end, seconds, width, scrape)
    places = placed(dashboard, scope, expand=expand)
    results = [result for place in places for result in runner.run(place.panel)]
    return Ran(dashboard, runner, places, results)


def run_dashboard(
    path: Path, prometheus_url: str, *, end: float, seconds: float, choices: Choices | None = None
) -> list[Result]:
    """Run every query of a dashboard, those in collapsed rows too."""
    return run(path, prometheus_url, end=end, seconds=seconds, choices=choices).results


def missing_legend_labels(result: Result) -> set[str]:
    """Return the labels that a legend or a display name uses and that no returned series has."""
    texts = [result.target.get("legendFormat") or ""]
    for properties in [{"displayName": result.panel.defaults.get("displayName")}] + [
        {each["id"]: each.get("value") for each in override.get("properties", [])}
        for override in result.panel.overrides
    ]:
        texts.append(str(properties.get("displayName") or ""))
    used = set(LEGEND_LABEL.findall(texts[0]))
    for text in texts[1:]:
        used |= set(re.findall(r"__field\.labels\.([a-zA-Z_]\w*)", text))
        used |= set(re.findall(r"__field\.labels\[\"?'?([^\]\"']+)", text))
    known = {name for labels in result.labels for name in labels}
    return used - known if result.labels else set()
