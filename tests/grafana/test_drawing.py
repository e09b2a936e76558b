"""Values, colours, axes and places are those of Grafana; every panel type is drawn."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from support.grafana.canned import END, Canned, grid, matrix, vector
from support.grafana.dashboard import Dashboard, Panel, load
from support.grafana.draw import colours
from support.grafana.draw.page import draw
from support.grafana.draw.scales import Scale, ticks, time_ticks, value_range
from support.grafana.draw.timeseries import axis_text
from support.grafana.draw.units import written
from support.grafana.fieldconfig import configured
from support.grafana.frames import NUMBER, Field, Frame
from support.grafana.interpolation import Scope, Value
from support.grafana.layout import placed
from support.grafana.queries import Ran, Runner

NOW = END * 1000
SCOPE = Scope({"multi": Value("multi", ["a.b", "c"], multi=True)})


# Values


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "expected"),
    [
        (0.1234, "percentunit", None, "12.3%"),
        (0.1234, "percentunit", 0, "12%"),
        (12.34, "percent", 1, "12.3%"),
        (2, None, None, "2"),
        (0.9, None, None, "0.900"),
        (0.00503, "none", None, "0.00503"),
        (1234.5, "short", None, "1.23 K"),
        (2_500_000, "short", None, "2.50 Mil"),
        (0.005, "s", None, "5 ms"),
        (12.5, "s", None, "12.5 s"),
        (90, "s", None, "1.50 mins"),
        (7200, "s", None, "2 hours"),
        (86400 * 3, "s", None, "3 days"),
        (0, "s", None, "0 s"),
        (1500, "ms", 1, "1.5 s"),
        (90, "m", None, "1.50 hours"),
        (30, "h", None, "1.25 days"),
        (3, "d", None, "3 days"),
        (38.52, "reqps", None, "38.5 req/s"),
        (1500, "cps", None, "1.50K c/s"),
        (2, "ops", None, "2 ops/s"),
        (1536, "bytes", None, "1.50 KiB"),
        (1500, "decbytes", None, "1.50 kB"),
        (2_000_000, "Bps", None, "2 MB/s"),
        (61, "celsius", None, "61 °C"),
        (250.5, "watt", 0, "251 W"),
        (1980e6, "hertz", None, "1.98 GHz"),
        (1234, "currencyUSD", 2, "$1.23K"),
        (5, "currencyEUR", None, "€5"),
        (90061, "dtdurations", 1, "1 day, 1 hour"),
        (NOW - 7_200_000, "dateTimeFromNow", None, "2 hours ago"),
        (NOW, "dateTimeAsIso", None, "2023-11-14 22:13:20"),
        (7, "string", None, "7"),
        (3, "suffix: rows", None, "3  rows"),
        (3, "prefix:v", None, "v3"),
        (3, "furlong", None, "3 furlong"),
        (math.inf, "none", None, "∞"),
        (math.nan, "none", None, "NaN"),
        (-0.25, "percentunit", None, "-25%"),
        (2.675, "none", 2, "2.68"),
    ],
)
def test_units(value: float, unit: str | None, decimals: int | None, expected: str) -> None:
    assert written(value, unit, decimals, NOW) == expected


def column(values: list[Any], config: dict[str, Any], overrides: list[dict[str, Any]] | None = None) -> Any:
    document = Panel({"type": "stat", "fieldConfig": {"defaults": config, "overrides": overrides or []}})
    frame = Frame("A", [Field("Value", NUMBER, values, {"feature": "temp"})])
    return configured(document, [frame], Scope(), NOW)[0][0]


MAPPINGS = [
    {"type": "value", "options": {"0": {"text": "ok", "color": "green"}, "1.5": {"text": "half"}}},
    {"type": "range", "options": {"from": 2, "to": None, "result": {"text": "many", "color": "red"}}},
    {"type": "special", "options": {"match": "null+nan", "result": {"text": "unknown", "color": "#808080"}}},
]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "ok"), (1.5, "half"), (1.0, "1"), (2.0, "many"), (None, "unknown"), (math.nan, "unknown")],
)
def test_value_mappings(value: float | None, text: str) -> None:
    assert column([value], {"mappings": MAPPINGS}).show(value).text == text


@pytest.mark.parametrize(("value", "name"), [(0.0, "green"), (0.2, "yellow"), (0.9, "red"), (-5.0, "green")])
def test_thresholds(value: float, name: str) -> None:
    steps = [{"value": None, "color": "green"}, {"value": 0.2, "color": "yellow"}, {"value": 0.5, "color": "red"}]
    assert column([value], {"thresholds": {"mode": "absolute", "steps": steps}}).show(
        value
    ).colour == colours.colour(name)
    for each in steps[1:]:
        each["value"] = each["value"] * 100
    scaled = {"thresholds": {"mode": "percentage", "steps": steps}, "min": 0, "max": 10}
    assert column([value], scaled).show(value * 10).colour == colours.colour(name)


def test_a_value_without_thresholds_turns_red_at_80() -> None:
    assert column([80.0], {}).show(80.0).colour == colours.colour("red")
    assert column([79.0], {}).show(79.0).colour == colours.colour("green")


def test_no_value() -> None:
    assert column([None], {"noValue": "none yet"}).show(None).text == "none yet"


@pytest.mark.parametrize(
    ("matcher", "hit"),
    [
        ({"id": "byName", "options": "Value"}, True),
        ({"id": "byName", "options": "temp"}, True),
        ({"id": "byName", "options": "humid"}, False),
        ({"id": "byRegexp", "options": "/^te/"}, True),
        ({"id": "byRegexp", "options": "^hu"}, False),
        ({"id": "byFrameRefID", "options": "A"}, True),
        ({"id": "byFrameRefID", "options": "B"}, False),
        ({"id": "byType", "options": "number"}, True),
        ({"id": "byNames", "options": {"mode": "exclude", "names": ["temp"]}}, False),
    ],
)
def test_overrides(matcher: dict[str, Any], hit: bool) -> None:
    properties = [
        {"id": "displayName", "value": "PSI of ${__field.labels.feature}"},
        {"id": "custom.width", "value": 7},
    ]
    made = column([1.0], {"custom": {"width": 3}}, [{"matcher": matcher, "properties": properties}])
    assert (made.name, made.custom["width"]) == (("PSI of temp", 7) if hit else ("temp", 3))


def test_colours() -> None:
    assert colours.colour("semi-dark-green") == "#56A64B"
    assert colours.colour("rgba(255, 0, 0, 0.5)") == "#ff000080"
    assert colours.continuous("continuous-GrYlRd", 0.5) == colours.colour("yellow").lower()
    with pytest.raises(ValueError, match="'octarine'"):
        colours.colour("octarine")


def test_a_diverging_scheme_is_turned_round_so_that_red_is_high() -> None:
    low, high = (colours.scheme({"mode": "scheme", "scheme": "RdYlGn"})(share) for share in (0.0, 1.0))
    assert low[1] > low[0]
    assert high[0] > high[1]


# Axes


@pytest.mark.parametrize(
    ("values", "config", "expected"),
    [
        ([0.0, 10.0], {}, (0.0, 11.0)),
        ([5.0, 10.0], {}, (4.5, 10.5)),
        ([0.5, 10.0], {}, (0.0, 11.0)),
        ([1.0, 10.0], {}, (0.1, 10.9)),
        ([5.0, 10.0], {"min": 0, "max": 20}, (0.0, 20.0)),
        ([5.0, 6.0], {"custom": {"axisSoftMin": 0, "axisSoftMax": 10}}, (0.0, 10.0)),
        ([3.0], {}, (0.0, 6.0)),
        ([], {}, (0.0, 100.0)),
    ],
)
def test_the_range_of_an_axis(values: list[float], config: dict[str, Any], expected: tuple[float, float]) -> None:
    assert value_range(values, config) == pytest.approx(expected)


def test_ticks_and_their_labels() -> None:
    places = ticks(Scale(0.0, 0.25, 200, 0), 30)
    assert places == [0, 0.05, 0.1, 0.15, 0.2, 0.25]
    shares, times = column([0.1], {"unit": "percentunit"}), column([0.1], {"unit": "s"})
    assert [axis_text(shares, value, places) for value in places[:3]] == ["0%", "5%", "10%"]
    assert [axis_text(times, value, places) for value in places[:3]] == ["0 s", "50 ms", "100 ms"]
    mebibytes = [value / 2**20 for value in ticks(Scale(0, 80 * 2**20, 200, 0), 30, "bytes")]
    assert mebibytes == [0, 16, 32, 48, 64, 80]
    assert ticks(Scale(0.001, 10, 200, 0, base=10), 30) == pytest.approx([0.001, 0.01, 0.1, 1, 10])


def test_ticks_of_time() -> None:
    labels = [text for _, text in time_ticks(Scale(NOW - 3_600_000, NOW, 0, 700))]
    assert labels[:3] == ["21:15", "21:20", "21:25"]


# Pages


LAYOUT = [
    {"id": 1, "type": "stat", "title": "a", "gridPos": grid(0, 0, 12, 4)},
    {"id": 2, "type": "stat", "title": "b", "gridPos": grid(12, 0, 12, 6)},
    {
        "id": 3,
        "type": "row",
        "title": "row",
        "collapsed": True,
        "gridPos": grid(0, 6, 24, 1),
        "panels": [{"id": 4, "type": "stat", "title": "c", "gridPos": grid(0, 7, 24, 5)}],
    },
    {"id": 5, "type": "row", "title": "next", "gridPos": grid(0, 7, 24, 1)},
    {"id": 6, "type": "stat", "title": "d", "gridPos": grid(0, 8, 6, 3), "repeat": "multi", "maxPerRow": 2},
]


def test_panels_of_rows_are_found() -> None:
    assert [each.id for each in Dashboard({"panels": LAYOUT}).panels()] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("expand", "expected"),
    [
        (False, [(1, 0, 0), (2, 12, 0), (3, 0, 6), (5, 0, 7), (6, 0, 8), (6, 12, 8)]),
        (True, [(1, 0, 0), (2, 12, 0), (3, 0, 6), (4, 0, 7), (5, 0, 12), (6, 0, 13), (6, 12, 13)]),
    ],
)
def test_rows_open_and_panels_repeat(expand: bool, expected: list[tuple[int, int, int]]) -> None:
    places = placed(Dashboard({"panels": LAYOUT}), SCOPE, expand=expand)
    assert [(each.panel.id, each.x, each.y) for each in places] == expected
    assert [each.panel.scoped for each in places[-2:]] == [{"multi": "a.b"}, {"multi": "c"}]


QUERIES = {
    "timeseries": {"expr": "r"},
    "stat": {"expr": "v", "instant": True},
    "gauge": {"expr": "v", "instant": True},
    "bargauge": {"expr": "v", "instant": True},
    "piechart": {"expr": "v", "instant": True},
    "barchart": {"expr": "v", "instant": True, "format": "table"},
    "table": {"expr": "v", "instant": True, "format": "table"},
    "heatmap": {"expr": "r"},
    "state-timeline": {"expr": "r"},
    "status-history": {"expr": "r"},
    "text": None,
    "row": None,
    "dashlist": None,
}


@pytest.mark.parametrize("kind", QUERIES)
@pytest.mark.parametrize("empty", [False, True])
def test_every_panel_type_is_drawn_with_and_without_data(kind: str, empty: bool, tmp_path: Path) -> None:
    query = QUERIES[kind]
    document = {"id": 1, "type": kind, "title": "T", "description": "d", "gridPos": grid(0, 0, 12, 8)}
    if query:
        document["targets"] = [{"refId": "A", "legendFormat": "{{f}}", **query}]
    path = tmp_path / "d.json"
    path.write_text(json.dumps({"dashboard": {"uid": "d", "title": "D", "panels": [document]}}))
    values = () if empty else (({"f": "x"}, 1.0), ({"f": "y"}, 3.0))
    series = () if empty else tuple(({"f": name}, [1.0, 2.0, 0.5]) for name in "xy")
    prometheus = Canned({"query": vector(*values), "query_range": matrix(*series)})
    made = load(path)
    run = Runner(prometheus, Scope(), END, 900.0, width=600)
    places = placed(made, Scope(), expand=True)
    draw(Ran(made, run, places, run.run(places[0].panel)), tmp_path / "d.png")
    assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_panel_type_is_named(tmp_path: Path) -> None:
    made = Dashboard({"panels": [{"id": 1, "type": "canvas", "title": "T", "gridPos": grid(0, 0, 12, 8)}]})
    run = Runner(Canned({}), Scope(), END, 900.0)
    with pytest.raises(NotImplementedError, match="'T' of type 'canvas'"):
        draw(Ran(made, run, placed(made, Scope(), expand=True), []), tmp_path / "d.png")
