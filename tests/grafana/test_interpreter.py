"""Variables and queries are what Grafana makes of them; expected values are worked out from its source."""

from __future__ import annotations

from typing import Any

import pytest

from support.grafana import intervals
from support.grafana.canned import END, Canned, matrix, vector
from support.grafana.dashboard import Dashboard, Panel, panel_width, seconds_of
from support.grafana.frames import Frame, display_name
from support.grafana.interpolation import Scope, Value
from support.grafana.prometheus import PrometheusError
from support.grafana.queries import QueryError, Runner, missing_legend_labels
from support.grafana.variables import VariableError, resolve

NOW = END * 1000


def rows(frame: Frame) -> list[list[Any]]:
    return [list(row) for row in zip(*(item.values for item in frame.fields), strict=True)]


# Interpolation

SCOPE = Scope(
    {
        "one": Value("one", "a.b"),
        "quoted": Value("quoted", "it's"),
        "multi": Value("multi", ["a.b", "c"], multi=True),
        "single": Value("single", ["a.b"], multi=True),
        "all": Value("all", "$__all", "All", multi=True, include_all=True, options=["x", "y|z"]),
        "any": Value("any", "$__all", "All", include_all=True, all_value=".*", options=["x"]),
    },
    {"__range": "3600s", "__range_s": "3600"},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{m="$one"}', '{m="a.b"}'),
        ('{m="${one}"}', '{m="a.b"}'),
        ('{m="[[one]]"}', '{m="a.b"}'),
        ("$quoted", r"it\\'s"),
        ('{m=~"$single"}', r'{m=~"a\\.b"}'),
        ('{m=~"$multi"}', r'{m=~"(a\\.b|c)"}'),
        ('{m=~"$all"}', r'{m=~"(x|y\\|z)"}'),
        ('{m=~"$any"}', '{m=~".*"}'),
        ("${multi:pipe}", "a.b|c"),
        ("${multi:csv}", "a.b,c"),
        ("${multi:raw}", "a.b,c"),
        ("${multi:regex}", r"(a\.b|c)"),
        ("${one:regex}", r"a\.b"),
        ("${multi:json}", '["a.b","c"]'),
        ("${multi:queryparam}", "var-multi=a.b&var-multi=c"),
        ("${all:queryparam}", "var-all=%24__all"),
        ("${all:text}", "All"),
        ("${multi:doublequote}", '"a.b","c"'),
        ("x[$__range]", "x[3600s]"),
        ("x[${__range_s}s]", "x[3600s]"),
        ("$unknown $one_more", "$unknown $one_more"),
    ],
)
def test_variables_are_written_into_an_expression_as_grafana_does(text: str, expected: str) -> None:
    assert SCOPE.promql(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("$multi", "{a.b,c}"), ("$single", "a.b"), ("$all", "{x,y|z}"), ("$any", ".*")]
)
def test_variables_in_other_text(text: str, expected: str) -> None:
    assert SCOPE.fill(text) == expected


def test_titles_say_all() -> None:
    assert SCOPE.fill("$all, $any", "text") == "All, All"


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(NotImplementedError, match="'lucene' of the variable 'one'"):
        SCOPE.fill("${one:lucene}")


# Variables


def dashboard(*variables: dict[str, Any], panels: list[dict[str, Any]] | None = None) -> Dashboard:
    return Dashboard({"uid": "d", "title": "D", "templating": {"list": list(variables)}, "panels": panels or []})


def variable(name: str, query: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "query", "query": query, **more}


def values_of(found: dict[str, list[str]]) -> Canned:
    return Canned({f"label/{label}/values": values for label, values in found.items()})


def test_a_variable_may_use_an_earlier_one() -> None:
    prometheus = values_of({"model": ["a", "b"], "version": ["1", "2"]})
    document = dashboard(
        variable("model", "label_values(ml_model_info, model)", current={"value": "b"}),
        variable("version", {"query": 'label_values(ml_model_info{model="$model"}, version)', "refId": "x"}),
    )
    scope = resolve(document, prometheus, end=END, seconds=3600)
    assert [prometheus.asked[index][1]["match[]"] for index in (0, 1)] == [
        ["ml_model_info"],
        ['ml_model_info{model="b"}'],
    ]
    assert prometheus.asked[0][1]["start"] == END - 3600
    assert scope.variables["version"].chosen == "1"


def test_label_values_of_one_argument_asks_for_all_series() -> None:
    prometheus = values_of({"job": ["x"]})
    resolve(dashboard(variable("job", "label_values(job)")), prometheus, end=END, seconds=60)
    assert prometheus.asked == [("label/job/values", {"start": END - 60, "end": END})]


@pytest.mark.parametrize(
    ("current", "include_all", "chosen"),
    [
        ("b", False, "b"),
        ("gone", False, "a"),
        ("gone", True, "$__all"),
        ("$__all", True, "$__all"),
        ("$__all", False, "a"),
        (["b", "gone"], False, "b"),
    ],
)
def test_the_default_choice(current: Any, include_all: bool, chosen: str) -> None:
    document = variable("v", "label_values(v)", current={"value": current}, includeAll=include_all)
    scope = resolve(dashboard(document), values_of({"v": ["a", "b"]}), end=END, seconds=60)
    assert scope.variables["v"].chosen == chosen


def test_a_choice_must_exist() -> None:
    document = dashboard(variable("v", "label_values(v)"))
    with pytest.raises(VariableError, match=r"'v' has no value \['c'\]; it has \['a'\]"):
        resolve(document, values_of({"v": ["a"]}), end=END, seconds=60, choices={"v": "c"})
    with pytest.raises(VariableError, match=r"no such variable: \['w'\]"):
        resolve(document, values_of({"v": ["a"]}), end=END, seconds=60, choices={"w": "c"})


@pytest.mark.parametrize(
    ("regex", "sort", "expected"),
    [
        ("", 0, ["b10", "b9", "A1"]),
        ("", 1, ["A1", "b10", "b9"]),
        ("", 2, ["b9", "b10", "A1"]),
        ("", 3, ["A1", "b9", "b10"]),
        ("", 5, ["A1", "b10", "b9"]),
        ("", 7, ["A1", "b9", "b10"]),
        ("/^b(.*)/", 0, ["10", "9"]),
        ("/(?<value>b)(?<text>.+)/", 0, ["b"]),
        ("/B9/i", 0, ["b9"]),
    ],
)
def test_regex_and_order_of_values(regex: str, sort: int, expected: list[str]) -> None:
    document = variable("v", "label_values(v)", regex=regex, sort=sort)
    scope = resolve(dashboard(document), values_of({"v": ["b10", "b9", "A1"]}), end=END, seconds=60)
    assert scope.variables["v"].options == expected


def test_query_result_is_text_that_a_regex_takes_apart() -> None:
    prometheus = Canned({"query": vector(({"__name__": "m", "feature": "temp", "x": "1"}, 0.5))})
    document = variable("v", "query_result(topk(1, m))", regex='/feature="([^"]+)"/')
    assert resolve(dashboard(document), prometheus, end=END, seconds=60).variables["v"].options == ["temp"]
    document = variable("v", "query_result(topk(1, m))")
    scope = resolve(dashboard(document), prometheus, end=END, seconds=60)
    assert scope.variables["v"].options == [f'm{{feature="temp",x="1"}} 0.5 {END * 1000:.0f}']


def test_variables_without_queries() -> None:
    scope = resolve(
        dashboard(
            {"name": "window", "type": "custom", "query": "one day : 24h, 7d", "current": {"value": "7d"}},
            {"name": "source", "type": "datasource", "query": "prometheus"},
            {"name": "free", "type": "textbox", "query": "x"},
            {"name": "fixed", "type": "constant", "query": "y"},
            {
                "name": "every",
                "type": "interval",
                "query": "1m,5m",
                "auto": True,
                "auto_count": 10,
                "auto_min": "1m",
            },
        ),
        Canned({}),
        end=END,
        seconds=3600,
        choices={"free": "anything"},
    )
    assert {name: value.chosen for name, value in scope.variables.items()} == {
        "window": "7d",
        "source": "prometheus",
        "free": "anything",
        "fixed": "y",
        "every": "5m",
    }
    assert scope.variables["window"].options == ["24h", "7d"]


def test_an_unknown_variable_type_is_named() -> None:
    with pytest.raises(NotImplementedError, match="'f' of type 'adhoc'"):
        resolve(dashboard({"name": "f", "type": "adhoc"}), Canned({}), end=END, seconds=60)


# Steps and queries


@pytest.mark.parametrize(
    ("seconds", "points", "least", "expected"),
    [
        (900, 700, 15, 15),
        (6 * 3600, 700, 15, 30),
        (24 * 3600, 700, 15, 120),
        (7 * 86400, 700, 15, 900),
        (60, 700, 5, 5),
    ],
)
def test_steps_are_rounded_as_grafana_rounds_them(
    seconds: float, points: int, least: float, expected: float
) -> None:
    assert intervals.step(seconds, points, least) == expected


def test_a_step_never_asks_for_more_than_11000_points() -> None:
    assert 30 * 86400 / intervals.step(30 * 86400, 100_000, 1) <= 11000


def test_durations() -> None:
    assert [seconds_of(text) for text in ("15s", "1h30m", "500ms", "now-6h", "now")] == [15, 5400, 0.5, 21600, 0]
    assert [intervals.written(value) for value in (0.5, 60, 90, 7200)] == ["500ms", "1m", "90s", "2h"]
    with pytest.raises(ValueError, match="not a duration: 'soon'"):
        seconds_of("soon")


def panel(target: dict[str, Any] | list[dict[str, Any]], **more: Any) -> Panel:
    targets = target if isinstance(target, list) else [target]
    return Panel({"id": 1, "type": "timeseries", "title": "P", "targets": targets, **more})


def runner(prometheus: Canned, seconds: float = 6 * 3600, scrape: str = "15s") -> Runner:
    return Runner(prometheus, SCOPE, END, seconds, scrape=scrape)


def test_a_range_query_is_aligned_and_filled() -> None:
    prometheus = Canned({"query_range": matrix(({"__name__": "m"}, [1.0, 2.0]))})
    query = {
        "refId": "A",
        "expr": 'rate(m{m=~"$multi"}[$__rate_interval]) > $__interval_ms + $__range_s',
        "range": True,
    }
    (result,) = runner(prometheus).run(panel(query, maxDataPoints=700))
    assert result.expression == r'rate(m{m=~"(a\\.b|c)"}[1m]) > 30000 + 21600'
    path, sent = prometheus.asked[0]
    assert (path, sent["step"]) == ("query_range", 30)
    assert (sent["start"] % 30, sent["end"] % 30) == (0, 0)
    assert END - 30 < sent["end"] <= END


def test_the_rate_interval_follows_step_and_scrape_interval() -> None:
    query = {"refId": "A", "expr": "$__rate_interval $__interval"}
    assert runner(Canned({})).expression(panel(query, maxDataPoints=700), query) == "1m 30s"
    assert runner(Canned({}), scrape="5s").expression(panel(query, maxDataPoints=700), query) == "35s 30s"
    assert runner(Canned({}), 7 * 86400).expression(panel(query, maxDataPoints=700), query) == "915s 15m"
    least = {**query, "interval": "5m"}
    assert runner(Canned({})).expression(panel(least, maxDataPoints=700), least) == "20m 5m"


def test_the_width_of_a_panel_decides_on_the_step() -> None:
    narrow, wide = ({"gridPos": {"x": 0, "y": 0, "w": w, "h": 8}} for w in (4, 24))
    assert panel_width(panel({}, **wide), 1600) == pytest.approx(1568)
    steps = [runner(Canned({})).steps(panel({}, **place), {})[1] for place in (narrow, wide)]
    assert steps == [60, 15]


def test_an_instant_query_asks_for_the_end() -> None:
    prometheus = Canned({"query": vector(({"__name__": "m", "a": "1"}, 2.0))})
    (result,) = runner(prometheus).run(
        panel({"refId": "A", "expr": "m", "instant": True, "legendFormat": "{{ a }}!"})
    )
    assert prometheus.asked == [("query", {"query": "m", "time": END})]
    assert [
        display_name(result.frames[0].fields[1], result.frames[0], result.frames),
        result.frames[0].fields[1].values,
    ] == [
        "1!",
        [2.0],
    ]


@pytest.mark.parametrize(
    ("legend", "expected"),
    [
        ("", ['m{a="1", b="x"}', 'm{a="2", b="x"}']),
        ("{{a}} {{gone}}", ["1 ", "2 "]),
        ("__auto", ['{__name__="m", a="1", b="x"}', '{__name__="m", a="2", b="x"}']),
    ],
)
def test_names_of_series(legend: str, expected: list[str]) -> None:
    answer = vector(*(({"__name__": "m", "a": a, "b": "x"}, 1.0) for a in "12"))
    query = {"refId": "A", "expr": "m", "instant": True, "legendFormat": legend}
    (result,) = runner(Canned({"query": answer})).run(panel(query))
    assert [display_name(frame.fields[1], frame, result.frames) for frame in result.frames] == expected


def test_an_automatic_name_is_the_only_label() -> None:
    answer = vector(({"a": "1"}, 1.0), ({"a": "2"}, 1.0))
    query = {"refId": "A", "expr": "m", "instant": True, "legendFormat": "__auto"}
    (result,) = runner(Canned({"query": answer})).run(panel(query))
    assert [display_name(frame.fields[1], frame, result.frames) for frame in result.frames] == ["1", "2"]


def test_tables_have_a_column_for_each_label() -> None:
    answers = {"m": vector(({"b": "x", "a": "1"}, 1.0), ({"c": "y"}, 2.0)), "n": vector()}
    prometheus = Canned({"query": lambda sent: answers[sent["query"]]})
    targets = [
        {"refId": ref, "expr": expr, "instant": True, "format": "table"} for ref, expr in (("A", "m"), ("B", "n"))
    ]
    first, second = runner(prometheus).run(panel(targets))
    assert [item.name for item in first.frames[0].fields] == ["Time", "a", "b", "c", "Value #A"]
    assert rows(first.frames[0]) == [[NOW, "1", "x", "", 1.0], [NOW, "", "", "y", 2.0]]
    assert [item.name for item in second.frames[0].fields] == ["Time", "Value #B"]
    (alone,) = runner(prometheus).run(panel(targets[:1]))
    assert alone.frames[0].fields[-1].name == "Value"


def test_a_heatmap_turns_cumulative_buckets_into_counts() -> None:
    answer = matrix(*(({"le": le}, counts) for le, counts in (("+Inf", [9, 9]), ("0.1", [1, 2]), ("1", [4, 8]))))
    query = {"refId": "A", "expr": "m", "format": "heatmap", "legendFormat": "{{le}}"}
    (result,) = runner(Canned({"query_range": answer})).run(panel(query))
    (frame,) = result.frames
    assert {item.name: item.values for item in frame.fields[1:]} == {"0.1": [1, 2], "1": [3, 6], "+Inf": [5, 1]}


def test_an_error_names_panel_query_and_expression() -> None:
    prometheus = Canned({"query": PrometheusError("parse error")})
    with pytest.raises(QueryError, match=r"panel 'P', query B: parse error\nm\("):
        runner(prometheus).run(panel({"refId": "B", "expr": "m(", "instant": True}))


def test_hidden_and_foreign_targets() -> None:
    assert runner(Canned({})).run(panel({"refId": "A", "expr": "m", "hide": True})) == []
    with pytest.raises(NotImplementedError, match="'__expr__'"):
        runner(Canned({})).run(panel({"refId": "A", "expr": "m", "datasource": {"type": "__expr__"}}))


def test_labels_that_no_series_has_are_found() -> None:
    override = {
        "matcher": {},
        "properties": [{"id": "displayName", "value": "${__field.labels.gone} ${__field.labels.a}"}],
    }
    document = panel({"refId": "A", "expr": "m", "instant": True, "legendFormat": "{{a}} {{lost}}"})
    document.document["fieldConfig"] = {"overrides": [override]}
    (result,) = runner(Canned({"query": vector(({"a": "1"}, 1.0))})).run(document)
    assert missing_legend_labels(result) == {"gone", "lost"}
