"""Reports over HTTP: what is taken, what is refused and how, who may send, and what is kept of many."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bcrypt
import pytest

from ml_exporter.core.clock import ManualClock
from ml_exporter.core.cron import parse
from ml_exporter.core.pipelines import Report, State
from ml_exporter.state.directory import Recovered
from ml_exporter.state.journal import Record
from ml_exporter.state.pipelines import ENDED, ERRORS, NAMED, OPEN, Pipelines
from support.engine import START, Bench, write_config
from support.http import Running, running

FIELDS = "id, state, scheduled, start, end, rows, data_version, error, interval"
CONFIGURED = "pipelines: [{name: nightly, every: 24h}, {name: bare}]"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(write_config(tmp_path_factory.mktemp("sidecar"), more=CONFIGURED)) as found:
        yield found


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        (b"{", "malformed", "not JSON: Input data was truncated"),
        (b"\xff", "malformed", "not JSON: JSON is malformed: invalid character (byte 0)"),
        (b"[]", "invalid", "Expected `object`, got `array`"),
        (b'{"state": "started"}', "invalid", "Object missing required field `id`"),
        (b'{"id": "", "state": "started"}', "invalid", "Expected `str` of length >= 1 - at `$.id`"),
        (
            b'{"id": "a", "state": "done"}',
            "invalid",
            "Invalid enum value 'done' - at `$.state`; allowed are started, succeeded, failed",
        ),
        (
            b'{"id": "a", "state": "started", "row": 1}',
            "invalid",
            f"Object contains unknown field `row`; allowed are {FIELDS}",
        ),
        (b'{"id": "a", "state": "started", "rows": -1}', "invalid", "Expected `int` >= 0 - at `$.rows`"),
        (
            b'{"id": "a", "state": "started", "rows": 1.5}',
            "invalid",
            "Expected `int | null`, got `float` - at `$.rows`",
        ),
        (b'{"id": "a", "state": "started", "end": 5}', "invalid", "end: a run that is started has none"),
        (b'{"id": "a", "state": "succeeded", "error": "x"}', "invalid", "error: is of a run that failed"),
        (b'{"id": "a", "state": "failed", "start": 9, "end": 5}', "invalid", "end: must not be before start"),
        (
            b'{"id": "a", "state": "succeeded", "end": "2099-01-01T00:00:00Z"}',
            "invalid",
            "end: must not lie more than 300 s ahead of this machine",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_what_is_allowed(
    server: Running, body: bytes, reason: str, detail: str
) -> None:
    headers = {"Content-Type": "application/json"}
    status, _, answer = server.request("POST", "/v1/pipelines/wrong/runs", body, headers)
    document = json.loads(answer)
    assert (status, document["reason"], document["detail"]) == (400, reason, detail)
    assert not any("wrong" in series for series in server.metrics())


def test_other_paths_methods_types_and_sizes_are_refused(server: Running) -> None:
    good, json_ = b'{"id": "a", "state": "started"}', {"Content-Type": "application/json"}
    assert server.request("POST", "/v1/pipelines/a%20b/runs", good, json_)[0] == 404
    assert server.request("POST", f"/v1/pipelines/{'a' * 65}/runs", good, json_)[0] == 404
    assert server.request("GET", "/v1/pipelines/a/runs")[0] == 405
    assert server.request("POST", "/v1/pipelines/a/runs", good, {"Content-Type": "text/plain"})[0] == 415
    assert server.request("POST", "/v1/pipelines/a/runs", b" " * (1 << 17), json_)[0] == 413
    assert server.request("DELETE", "/v1/pipelines/nobody")[0] == 404
    status, _, body = server.request("DELETE", "/v1/pipelines/nightly")
    assert (status, json.loads(body)["detail"]) == (
        409,
        "nightly is in the configuration; take it out there and reload",
    )
    paths = {series for series in server.metrics() if series.startswith("ml_exporter_http_requests_total")}
    assert 'ml_exporter_http_requests_total{path="/v1/pipelines/NAME",code="409"}' in paths
    assert not any("nightly" in path for path in paths)


def test_times_may_be_written_as_text_and_a_body_compressed(server: Running) -> None:
    document = {
        "id": "x",
        "state": "succeeded",
        "start": "2024-05-01T03:00:00Z",
        "end": "2024-05-01T05:00:00+02:00",
    }
    document["end"] = "2024-05-01T05:30:00+02:00"
    headers = {"Content-Type": "application/json; charset=utf-8", "Content-Encoding": "gzip"}
    body = gzip.compress(json.dumps(document).encode())
    assert server.request("POST", "/v1/pipelines/text/runs", body, headers)[0] == 200
    server.until('ml_pipeline_duration_seconds{pipeline="text"}', 1800)


def test_a_configured_pipeline_is_known_before_its_first_run(server: Running) -> None:
    page = server.metrics()
    assert page['ml_pipeline_interval_seconds{pipeline="nightly"}'] == 86400
    assert page['ml_pipeline_runs_total{pipeline="bare",state="succeeded"}'] == 0
    assert page['ml_pipeline_known_timestamp_seconds{pipeline="bare"}'] > 1.7e9
    assert 'ml_pipeline_interval_seconds{pipeline="bare"}' not in page
    assert 'ml_pipeline_last_success_timestamp_seconds{pipeline="nightly"}' not in page


def test_a_reload_takes_pipelines_in_and_out(tmp_path: Path) -> None:
    config = write_config(tmp_path, more=CONFIGURED)
    with running(config) as server:
        config.write_text(config.read_text().replace(CONFIGURED, "pipelines: [{name: nightly, every: 1h}]"))
        assert server.post("/-/reload", {})[0] == 200
        page = server.metrics()
        assert page['ml_pipeline_interval_seconds{pipeline="nightly"}'] == 3600
        assert not any("bare" in series for series in page)


def test_reports_need_the_credentials_of_the_intake(tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"word", bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{sender: '{hashed}'}}\n")
    with running(write_config(tmp_path), web_config_file=tmp_path / "web.yml") as server:
        body = {"id": "a", "state": "succeeded"}
        assert server.post("/v1/pipelines/a/runs", body)[0] == 401
        login = f"Basic {b64encode(b'sender:word').decode()}"
        assert server.post("/v1/pipelines/a/runs", body, Authorization=login)[0] == 200


def report(pipeline: str, id: str, state: State = State.STARTED, at: float = START, **more: object) -> Report:
    return Report(pipeline, id, state, at, **more)  # type: ignore[arg-type]


def test_names_errors_and_runs_are_bounded() -> None:
    pipelines = Pipelines()
    pipelines.configure({"mine": 60.0}, START)
    for number in range(NAMED + 20):
        pipelines.take(report(f"p{number}", "same id", interval=5.0))
    assert len(pipelines.known) == NAMED + 2
    assert pipelines.known["other"].runs["started"] == 20
    assert (pipelines.interval("other"), pipelines.interval("p0"), pipelines.interval("mine")) == (None, 5.0, 60.0)
    for number in range(200):
        pipelines.take(report("mine", f"f{number}", State.FAILED, error=f"kind {number}"))
        pipelines.take(report("mine", f"o{number}", at=START + number))
    mine = pipelines.known["mine"]
    assert len(mine.errors) == ERRORS + 1
    assert sum(mine.errors.values()) == mine.runs["failed"] == 200
    assert (len(mine.open), len(mine.ended)) == (OPEN, ENDED)
    pipelines.take(report("mine", "long after", at=START + 40 * 86400))
    assert len(mine.open) == 1


def test_reports_in_any_order_and_twice_give_the_same_run() -> None:
    begin = report("p", "r", at=START + 5, start=START)
    end = report("p", "r", State.SUCCEEDED, at=START + 70, start=START, end=START + 60)
    found = []
    for order in ([begin, end], [end, begin], [begin, begin, end, end, begin]):
        pipelines = Pipelines()
        for item in order:
            pipelines.take(item)
        found.append({**pipelines.known["p"].dump(), "known": None})
    assert found[0] == found[1] == found[2]
    assert found[0]["runs"] == {"started": 1, "succeeded": 1, "failed": 0}
    assert found[0]["duration"] == 60


def test_an_older_end_does_not_hide_a_newer_one() -> None:
    pipelines = Pipelines()
    pipelines.take(report("p", "new", State.FAILED, start=START - 10, end=START))
    pipelines.take(report("p", "old", State.SUCCEEDED, start=START - 900, end=START - 800))
    item = pipelines.known["p"]
    assert (item.end, item.success, item.duration) == (START, START - 800, 10)


OLD, NEW = START - 400 * 86400, START - 3600
LATE = [
    # Reports about another run than today's, and whether it is the older one.
    (report("p", "o", State.SUCCEEDED, start=OLD, end=OLD + 9, rows=5, data_version="2024", interval=60.0), True),
    (report("p", "o", State.SUCCEEDED, end=OLD, rows=5, data_version="2024", interval=60.0), True),
    (report("p", "o", start=OLD, rows=5, data_version="2024", interval=60.0), True),
    (report("p", "o", start=NEW + 1, rows=5, data_version="2024", interval=60.0), False),
    (report("p", "o", rows=5, data_version="2024", interval=60.0), False),
]


@pytest.mark.parametrize(("other", "is_older"), LATE)
def test_in_any_order_the_newest_run_tells(other: Report, is_older: bool) -> None:
    today = report("p", "t", start=NEW, rows=700, data_version="today", interval=86400.0)
    silent = report("p", "s", start=START - 1)
    newest = today if is_older else other
    for order in permutations([today, other, silent]):
        pipelines = Pipelines()
        for item in order:
            pipelines.take(item)
            pipelines.restore(Recovered(Record(json.loads(json.dumps(pipelines.whole())))))
        item = pipelines.known["p"]
        assert (item.rows, item.data_version, item.interval) == (
            newest.rows,
            newest.data_version,
            newest.interval,
        )
        assert item.start == max(START - 1, newest.start or START)


def test_a_run_that_goes_on_may_tell_other_rows_without_its_start() -> None:
    pipelines = Pipelines()
    for item in (
        report("p", "a", start=NEW, rows=1),
        report("p", "b", start=NEW - 60),
        report("p", "b", rows=2),
        report("p", "a", rows=3),
    ):
        pipelines.take(item)
    assert pipelines.known["p"].rows == 3
    pipelines.take(report("p", "b", State.SUCCEEDED, rows=4))
    assert pipelines.known["p"].rows == 3


def test_the_end_of_a_run_tells_what_its_start_did_not_know() -> None:
    """Even if the end alone names when it started, which is earlier than the report of the start came."""
    pipelines = Pipelines()
    pipelines.take(report("p", "a", at=START + 5, rows=10, data_version="planned", interval=60.0))
    end = report(
        "p", "a", State.SUCCEEDED, start=START, end=START + 900, rows=500, data_version="v1", interval=3600.0
    )
    pipelines.take(end)
    item = pipelines.known["p"]
    assert (item.rows, item.data_version, item.interval) == (500, "v1", 3600.0)


def test_a_state_without_what_runs_told_is_gone_on_with() -> None:
    pipelines = Pipelines()
    pipelines.take(report("p", "a", start=NEW, rows=1))
    kept = pipelines.whole()
    del kept["pipelines"]["p"]["told"]
    assert pipelines.restore(Recovered(Record(kept))) == []
    pipelines.take(report("p", "b", start=OLD, rows=2))
    assert pipelines.known["p"].rows == 2, "of whom the rows are was not kept"


def test_what_was_not_written_makes_counters_begin_anew(tmp_path: Path) -> None:
    clock = ManualClock(START)
    bench = Bench(write_config(tmp_path), clock)
    bench.engine.report(report("p", "a", State.SUCCEEDED), lambda committed: None)
    bench.engine.count()
    bench.tick()
    assert bench.directory is not None
    bench.directory.set_ahead(True)
    bench.vanish()
    again = Bench(write_config(tmp_path), clock)
    assert again.value("ml_pipeline_runs_total", pipeline="p", state="succeeded") == 0
    assert again.value("ml_pipeline_last_success_timestamp_seconds", pipeline="p") == START


def test_kept_runs_that_make_no_sense_begin_anew() -> None:
    pipelines = Pipelines()
    snapshot = Record({"pipelines": {"p": {"known": 1.0}}})
    (note,) = pipelines.restore(Recovered(snapshot))
    assert note.startswith("the runs of pipelines cannot be used and begin anew: KeyError")
    assert pipelines.known == {}


def test_a_state_of_before_has_no_pipelines() -> None:
    pipelines = Pipelines()
    assert pipelines.restore(Recovered(Record({"models": {}}), [Record({"models": {}})])) == []


@pytest.mark.parametrize(
    ("plan", "hours"),
    [
        ("* * * * *", 1 / 60),
        ("*/15 * * * *", 0.25),
        ("0,30 8-17 * * *", 14.5),
        ("@weekly", 168),
        ("0 0 1 * *", 31 * 24),
        ("0 12 13 * fri", 168),
        ("0 0 * feb-apr,6 *", 216 * 24),
        ("0 0 29 2 *", 1461 * 24),
        ("30 4 * * 7", 168),
    ],
)
def test_the_longest_pause_of_a_plan(plan: str, hours: float) -> None:
    assert parse(plan).longest(date(2021, 3, 1)) / 3600 == hours


@pytest.mark.parametrize(
    "plan", ["", "* * * *", "60 * * * *", "5-3 * * * *", "*/0 * * * *", "a * * * *", "1- * * * *"]
)
def test_what_is_no_plan_is_refused(plan: str) -> None:
    with pytest.raises(ValueError, match=r"must be|is not a plan"):
        parse(plan)


PAGE = (Path(__file__).parents[2] / "docs/pipelines.md").read_text()


def test_the_requests_of_the_page_are_taken(server: Running) -> None:
    examples = re.findall(r"<!-- POST (\S+) -->\n```json\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == PAGE.count("<!-- POST") == 2
    for path, body in examples:
        status, _, answer = server.request("POST", path, body.encode(), {"Content-Type": "application/json"})
        assert (status, json.loads(answer)) == (200, {"status": "recorded"})
    server.until('ml_pipeline_rows{pipeline="nightly-features"}', 336776)
    assert server.metrics()['ml_pipeline_duration_seconds{pipeline="nightly-features"}'] == 2088
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert {key for row in rows for key in re.findall(r"`(\w+)`", row)} == set(FIELDS.split(", "))


def test_the_callbacks_of_the_page_report(server: Running) -> None:
    names: dict[str, Any] = {}
    code = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    exec(code.replace(":19100", f":{server.port}"), names)
    start = datetime.now(UTC) - timedelta(seconds=30)
    run = SimpleNamespace(run_id="scheduled__2024-05-01T00:00:00+00:00", dag_id="daily", start_date=start)
    names["callbacks"]["on_failure_callback"]({"dag_run": run})
    server.until('ml_pipeline_failures_total{pipeline="daily",error="unknown"}', 1)
