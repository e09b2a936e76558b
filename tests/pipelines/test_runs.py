"""Commands beside a real sidecar: streams, signals, exit codes, and what the sidecar knows after them."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.engine import write_config
from support.processes import Process, free_port, sidecar

RUN = [sys.executable, "-m", "ml_exporter", "run"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    config = write_config(tmp_path_factory.mktemp("sidecar"), more="pipelines: [{name: nightly, every: 24h}]")
    process = sidecar(config)
    yield process
    process.end()


def command(server: Process, pipeline: str, *given: str) -> list[str]:
    return [*RUN, "--pipeline", pipeline, "--url", f"http://127.0.0.1:{server.port}", *given]


def run(given: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(given, input=stdin, capture_output=True, text=True, timeout=60)


def of(server: Process, pipeline: str) -> dict[str, float]:
    """Return what the page says of a pipeline, without its name."""
    mine = f'pipeline="{pipeline}"'
    return {
        series.replace(f"{mine},", "").replace(f"{{{mine}}}", "").removeprefix("ml_pipeline_"): value
        for series, value in server.metrics().items()
        if mine in series
    }


def test_streams_and_arguments_are_the_command_s(server: Process) -> None:
    code = "import sys; print(sys.argv[1:], sys.stdin.read()); print('said', file=sys.stderr)"
    given = command(server, "streams", "--", sys.executable, "-c", code, "-x", "--", "--pipeline", "y")
    done = run(given, "from before")
    assert (done.returncode, done.stderr) == (0, "said\n")
    assert done.stdout == "['-x', '--', '--pipeline', 'y'] from before\n"


def test_a_run_that_succeeds_is_told(server: Process) -> None:
    began = time.time()
    given = command(
        server, "nightly", "--data-version", "v7", "--", sys.executable, "-c", "import time; time.sleep(1)"
    )
    assert run(given).returncode == 0
    server.until('ml_pipeline_runs_total{pipeline="nightly",state="succeeded"}', 1)
    found = of(server, "nightly")
    assert found['runs_total{state="started"}'] == 1
    assert found['runs_total{state="failed"}'] == 0
    assert began <= found["last_start_timestamp_seconds"] <= found["last_success_timestamp_seconds"] <= time.time()
    assert found["last_end_timestamp_seconds"] == found["last_success_timestamp_seconds"]
    assert 1 <= found["duration_seconds"] < 30
    assert (found["running"], found["interval_seconds"]) == (0, 86400)
    assert found['data_info{data_version="v7"}'] == 1
    assert "rows" not in found


@pytest.mark.parametrize(
    ("program", "code", "error"),
    [
        (["sh", "-c", "exit 3"], 3, "exit_3"),
        (["sh", "-c", "kill -KILL $$"], 137, "SIGKILL"),
        (["/nowhere/at-all"], 127, "not_started"),
        (["/etc/passwd"], 126, "not_started"),
    ],
)
def test_a_run_that_fails_is_told_and_ends_alike(
    server: Process, program: list[str], code: int, error: str
) -> None:
    name = f"failing-{code}"
    done = run(command(server, name, "--", *program))
    assert done.returncode == code
    server.until(f'ml_pipeline_runs_total{{pipeline="{name}",state="failed"}}', 1)
    found = of(server, name)
    assert found[f'failures_total{{error="{error}"}}'] == found['runs_total{state="started"}'] == 1
    assert "last_success_timestamp_seconds" not in found
    if error == "not_started":
        assert done.stderr.startswith(f"ml-exporter: {program[0]}: ")


def started(given: list[str], ready: Path) -> subprocess.Popen[str]:
    """Start a run whose command makes a file once it can take signals."""
    process = subprocess.Popen(given, stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + 30
    while not ready.exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_handed_on_once(server: Process, tmp_path: Path, number: signal.Signals) -> None:
    name, ready = f"signal-{number.name}", tmp_path / "ready"
    code = f"""
import signal, sys, time
got = []
signal.signal({int(number)}, lambda *given: got.append(1))
open({str(ready)!r}, "w").close()
while not got:
    time.sleep(0.01)
time.sleep(0.5)
print(len(got))
sys.exit(5)
"""
    process = started(command(server, name, "--", sys.executable, "-c", code), ready)
    server.until(f'ml_pipeline_running{{pipeline="{name}"}}', 1)
    process.send_signal(number)
    assert (process.communicate(timeout=30)[0], process.returncode) == ("1\n", 5)
    server.until(f'ml_pipeline_failures_total{{pipeline="{name}",error="exit_5"}}', 1)


def test_an_unheeded_signal_ends_both(server: Process, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    process = started(command(server, "ended", "--", "sh", "-c", f"touch {ready}; exec sleep 60"), ready)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30)[0] == ""
    assert process.returncode == 128 + signal.SIGTERM
    server.until('ml_pipeline_failures_total{pipeline="ended",error="SIGTERM"}', 1)


def test_what_a_terminal_sends_reaches_the_command_once(server: Process, tmp_path: Path) -> None:
    ready, told = tmp_path / "ready", tmp_path / "told"
    code = f"""
import signal, time
got = []
signal.signal(signal.SIGINT, lambda *given: got.append(1))
open({str(ready)!r}, "w").close()
while not got:
    time.sleep(0.01)
time.sleep(0.5)
open({str(told)!r}, "w").write(str(len(got)))
"""
    given = command(server, "terminal", "--", sys.executable, "-c", code)
    child, terminal = pty.fork()
    if child == 0:
        os.execv(given[0], given)
    end = time.monotonic() + 30
    while not ready.exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    os.write(terminal, b"\x03")  # Ctrl-C
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(terminal)
    assert told.read_text() == "1"


def test_without_a_sidecar_the_command_goes_on_and_one_line_says_so() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = run([*RUN, "--pipeline", "alone", "--url", url, "--", "sh", "-c", "echo done; exit 4"])
    assert (done.returncode, done.stdout) == (4, "done\n")
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        f"ml-exporter: the run is not reported to {url}/v1/pipelines/alone/runs: cannot connect"
    )


def test_a_run_whose_start_was_not_heard_counts_from_its_end(server: Process) -> None:
    body = {"id": "r1", "state": "succeeded", "start": time.time() - 60, "end": time.time()}
    assert report(server, "late", body) == (200, {"status": "recorded"})
    server.until('ml_pipeline_runs_total{pipeline="late",state="succeeded"}', 1)
    found = of(server, "late")
    assert found['runs_total{state="started"}'] == 1
    assert found["duration_seconds"] == pytest.approx(60, abs=0.01)


def report(server: Process, pipeline: str, body: object, **headers: str) -> tuple[int, dict[str, object]]:
    status, answer = server.request(
        "POST",
        f"/v1/pipelines/{pipeline}/runs",
        json.dumps(body).encode(),
        **{"Content_Type": "application/json", **headers},
    )
    return status, json.loads(answer)


def test_the_command_itself_can_report_rows(server: Process) -> None:
    url = f"http://127.0.0.1:{server.port}"
    code = f"""
import json, os, urllib.request
body = {{"id": os.environ["ML_PIPELINE_RUN"], "state": "started", "rows": 1234}}
path = f"{url}/v1/pipelines/{{os.environ['ML_PIPELINE']}}/runs"
request = urllib.request.Request(path, json.dumps(body).encode(), {{"Content-Type": "application/json"}})
assert urllib.request.urlopen(request).status == 200
"""
    assert run(command(server, "rows", "--", sys.executable, "-c", code)).returncode == 0
    server.until('ml_pipeline_runs_total{pipeline="rows",state="succeeded"}', 1)
    found = of(server, "rows")
    assert (found["rows"], found['runs_total{state="started"}'], found['runs_total{state="succeeded"}']) == (
        1234,
        1,
        1,
    )


@pytest.mark.parametrize(
    ("plan", "hours"),
    [(["--every", "36h"], 36), (["--schedule", "0 9 * * 1-5"], 72), (["--schedule", "@daily"], 24)],
)
def test_a_plan_tells_when_the_next_run_is_expected(server: Process, plan: list[str], hours: int) -> None:
    name = f"plan-{hours}"
    assert run(command(server, name, *plan, "--", "true")).returncode == 0
    server.until(f'ml_pipeline_runs_total{{pipeline="{name}",state="succeeded"}}', 1)
    found = of(server, name)
    assert found["interval_seconds"] == 3600 * hours
    if plan[0] == "--schedule":
        late = time.time() - found["last_scheduled_timestamp_seconds"]
        assert 0 <= late <= 3600 * (hours + 1)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--pipeline", "a/b"], '--pipeline: must be 1 to 64 letters, digits and . _ -, got "a/b"'),
        (["--pipeline", "a", "--every", "x"], '--every: "x" is not a duration such as 30s, 5m, 1h30m or 7d'),
        (
            ["--pipeline", "a", "--schedule", "0 25 * * *"],
            '--schedule: hour: must be *, or numbers from 0 to 23 such as 1,3-5 or */2, got "25"',
        ),
        (["--pipeline", "a", "--schedule", "0 0 30 2 *"], '--schedule: "0 0 30 2 *" is never'),
        (["--pipeline", "a", "--user", "u"], "--user: needs --password-file, and the other way round"),
    ],
)
def test_a_wrong_option_starts_nothing(given: list[str], told: str, tmp_path: Path) -> None:
    done = run([*RUN, *given, "--", "touch", str(tmp_path / "started")])
    assert (done.returncode, done.stderr) == (2, f"ml-exporter: {told}\n")
    assert not (tmp_path / "started").exists()


def test_runs_survive_a_kill(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    first = sidecar(config)
    try:
        now = time.time()
        assert report(first, "train", {"id": "a", "state": "started", "start": now - 9, "interval": 60})[0] == 200
        failed = {"id": "a", "state": "failed", "end": now, "rows": 5, "error": "memory", "data_version": "d"}
        assert report(first, "train", failed)[0] == 200
        assert report(first, "train", {"id": "b", "state": "started", "start": now})[0] == 200
        first.until('ml_pipeline_running{pipeline="train"}', 1)
        before = of(first, "train")
    finally:
        first.end(signal.SIGKILL)
    second = sidecar(config)
    try:
        assert of(second, "train") == before
        assert before['failures_total{error="memory"}'] == before["running"] == 1
        assert report(second, "train", failed)[0] == 200  # sent again
        assert report(second, "train", {"id": "b", "state": "succeeded"})[0] == 200
        second.until('ml_pipeline_runs_total{pipeline="train",state="succeeded"}', 1)
        after = of(second, "train")
        assert (after['runs_total{state="failed"}'], after['runs_total{state="succeeded"}']) == (1, 1)
        assert (after['runs_total{state="started"}'], after["running"]) == (2, 0)
    finally:
        second.end(signal.SIGTERM)
    third = sidecar(config)
    try:
        assert of(third, "train") == after
        assert third.request("DELETE", "/v1/pipelines/train")[0] == 200
    finally:
        third.end(signal.SIGKILL)
    fourth = sidecar(config)
    try:
        assert of(fourth, "train") == {}
    finally:
        fourth.end()
