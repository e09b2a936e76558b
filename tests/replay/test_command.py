"""``ml-exporter replay`` to real sidecars: every number arrives, in time, once, through 429 and restarts."""

from __future__ import annotations

import json
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import trustme

from ml_exporter.core.schema import Task
from ml_exporter.replay.run import Replay, ReplayOptions
from ml_exporter.replay.sending import Sending
from support import workload
from support.engine import Bench, write_config
from support.guarded import PASSWORD, USERS, basic, certificate, serve
from support.processes import Process, free_port, sidecar

ROWS = 2_000
BEGIN = 1_384_992_000
COUNTERS = re.compile(
    "ml_(predictions|prediction_errors|feature_bin|prediction_bin|confusion|score_bin|calibration_outcomes"
    "|error_over|error_under|feature_attribut|feature_(missing|absent|type_error|nonfinite|out_of_range|unseen)|label_delay)"
)


def recorded(rows: int = ROWS, task: Task = Task.BINARY, seconds: float = 3_600) -> pd.DataFrame:
    """Return predictions, each with a label some minutes later and not in their order, and with odd values."""
    columns = workload.table(rows, seed=43, task=task, shift=0.4)
    frame = pd.DataFrame({name: values for name, values in columns.items() if not name.startswith("score:")})
    if task is Task.BINARY:
        names = (*workload.NUMERIC, *workload.CATEGORICAL)
        told = workload.attributions(columns, names)
        frame = frame.assign(**{f"attributions.{n}": v for n, v in zip(names, told, strict=True)})
    frame["few"] = frame["few"].where(np.arange(rows) % 50 != 7, "never seen")
    frame.loc[5, "lognormal"] = np.inf
    frame.loc[8, "lognormal"] = -np.inf
    frame["error"] = np.arange(rows) % 40 == 0
    frame.insert(0, "id", [f"id-{number}" for number in range(rows)])
    frame["timestamp"] = BEGIN + np.linspace(0, seconds, rows, endpoint=False).round(3)
    delays = np.random.default_rng(4).uniform(60, 600, rows).round(3)
    frame["label_timestamp"] = frame["timestamp"] + delays
    return frame


def events_of(frame: pd.DataFrame) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows as predictions and labels of the intake."""
    plain = frame.astype(object).where(frame.notna(), None).to_dict("records")
    names = (*workload.NUMERIC, *workload.CATEGORICAL)
    kept = [name for name in ("id", "timestamp", "score", "prediction", "error") if name in frame]
    events = [
        {**{name: row[name] for name in kept}, "features": {name: row[name] for name in names}} for row in plain
    ]
    if f"attributions.{names[0]}" in frame:
        for event, row in zip(events, plain, strict=True):
            event["attributions"] = {name: row[f"attributions.{name}"] for name in names}
    labels = [{"id": row["id"], "label": row["label"], "timestamp": row["label_timestamp"]} for row in plain]
    return events, sorted(labels, key=lambda label: label["timestamp"])


def run(*arguments: object, config: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ml_exporter", "replay", *map(str, arguments)]
    if config is not None:
        command += ["--config.file", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    process = sidecar(write_config(tmp_path))
    yield process
    process.end()


def url(server: Process) -> str:
    return f"http://127.0.0.1:{server.port}"


def counted(series: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in series.items() if COUNTERS.match(name)}


def expected(folder: Path, task: Task, frame: pd.DataFrame) -> dict[str, float]:
    """Return the counters that an engine shows to which the events were given directly."""
    folder.mkdir()
    bench = Bench(write_config(folder, task), state=False)
    events, labels = events_of(frame)
    bench.send(json.loads(json.dumps(events)), labels)
    bench.tick()
    shown = {}
    for line in bench.page().splitlines():
        if line[0] != "#":
            name, _, value = line.rpartition(" ")
            shown[name] = float(value)
    return counted(shown)


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_every_number_is_that_of_the_events(tmp_path: Path, suffix: str, task: Task) -> None:
    frame = recorded(task=task)
    files = [tmp_path / f"events.{suffix}"]
    if suffix == "csv":
        frame.to_csv(files[0], index=False)
    elif suffix == "parquet":
        frame.to_parquet(files[0])
    else:
        events, labels = events_of(frame)
        files.append(tmp_path / "labels.ndjson")
        for file, items in zip(files, (events, labels), strict=True):
            file.write_text("".join(f"{json.dumps(item)}\n" for item in items))
    server = sidecar(write_config(tmp_path, task))
    try:
        done = run(*files, "--url", url(server), "--speed", "max", config=tmp_path / "ml-exporter.yml")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"{url(server)}: {2 * ROWS:,} events accepted, 0 refused")
        server.until('ml_labels_total{model="model",result="joined"}', ROWS)
        page = server.metrics()
        direct = expected(tmp_path / "direct", task, frame)
        assert len(direct) > 100
        assert counted(page) == direct
        assert page['ml_labels_total{model="model",result="early"}'] == 0
        assert not any(value for name, value in page.items() if "events_lost" in name)
    finally:
        server.end()


def test_what_is_refused_is_told_by_reason_and_is_an_error(server: Process, tmp_path: Path) -> None:
    frame = recorded(300).astype({"label": object, "timestamp": object})
    frame.loc[:4, "label"] = "perhaps"
    frame.loc[7, "timestamp"] = "soon"
    frame.loc[9, "id"] = None
    frame.to_csv(tmp_path / "events.csv", index=False)
    events, _ = events_of(recorded(20))
    lines = [json.dumps({**event, "id": f"line-{event['id']}"}) for event in events]
    lines[3] = "{"
    lines[4] = json.dumps({**events[4], "model": "modle"})
    lines.insert(0, json.dumps({"id": "without a time", "score": 0.5}))
    (tmp_path / "events.jsonl").write_text("\n".join(lines))
    done = run(
        *(tmp_path / "events.csv", tmp_path / "events.jsonl", "--url", url(server), "--speed", 0),
        config=tmp_path / "ml-exporter.yml",
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        "rows whose time cannot be used, or is before 1980, are left out: 1, first at row 9 of events.csv\n"
        "refused, unknown_class: 5, first: label: must be one of 0, 1\n"
    )
    assert 'unknown_model: 1, first: model: no model "modle"; configured are model\n' in done.stderr
    told = dict(re.findall(r"^refused, (\w+): (\d+),", done.stderr, re.MULTILINE))
    assert told == {"unknown_class": "5", "malformed": "1", "unknown_model": "1", "missing_id": "1"}
    accepted = 299 + 293 + 19
    assert f": {accepted} events accepted, 8 refused" in done.stdout
    server.until('ml_predictions_total{model="model",version="1"}', 299 + 19)
    page = server.metrics()
    for reason, count in told.items():
        assert page[f'ml_exporter_events_lost_total{{reason="{reason}"}}'] == int(count)


def test_a_full_queue_is_waited_for(tmp_path: Path) -> None:
    recorded(4_000).to_parquet(tmp_path / "events.parquet")
    server = sidecar(write_config(tmp_path, more="limits: {queue_events: 1000}"))
    try:
        done = run(
            *(tmp_path / "events.parquet", "--url", url(server), "--speed", "max"),
            config=tmp_path / "ml-exporter.yml",
        )
        assert (done.returncode, done.stderr) == (0, "")
        told = re.search(r"8,000 events accepted, 0 refused, (\d+) posts repeated, in ([\d.]+) s", done.stdout)
        assert told is not None, done.stdout
        assert float(told[2]) >= int(told[1])  # Retry-After: 1
        server.until('ml_labels_total{model="model",result="joined"}', 4_000)
        page = server.metrics()
        assert page['ml_predictions_total{model="model",version="1"}'] == 4_000
        assert page['ml_predictions_duplicate_total{model="model"}'] == 0
        assert page['ml_exporter_events_lost_total{reason="queue_full"}'] > 0
    finally:
        server.end()


def test_a_body_that_is_too_large_is_cut(tmp_path: Path) -> None:
    recorded(1_000).to_parquet(tmp_path / "events.parquet")
    server = sidecar(write_config(tmp_path, more="limits: {request_bytes: 16KiB}"))
    try:
        done = run(
            *(tmp_path / "events.parquet", "--url", url(server), "--speed", "max"),
            config=tmp_path / "ml-exporter.yml",
        )
        assert (done.returncode, done.stderr) == (0, "")
        server.until('ml_predictions_total{model="model",version="1"}', 1_000)
    finally:
        server.end()


def test_a_killed_sidecar_is_waited_for_and_a_second_replay_fills_the_gaps(tmp_path: Path) -> None:
    recorded(ROWS, seconds=200).to_parquet(tmp_path / "events.parquet")
    config, port = write_config(tmp_path), free_port()
    server = sidecar(config, port)
    command = [sys.executable, "-m", "ml_exporter", "replay", str(tmp_path / "events.parquet"), "--speed", "200"]
    command += ["--url", url(server), "--config.file", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as replay:
        try:
            end = time.monotonic() + 30
            while not server.metrics().get('ml_predictions_total{model="model",version="1"}'):
                assert time.monotonic() < end
                time.sleep(0.02)
            assert replay.poll() is None, "ended before the sidecar could be killed"
            server.end()
            server = sidecar(config, port)
            out, err = replay.communicate(timeout=60)
            assert (replay.returncode, err) == (0, "")
            assert "4,000 events accepted, 0 refused, " in out
            assert "posts repeated" in out
            assert subprocess.run([*command, "--speed", "max"], capture_output=True).returncode == 0
            server.until('ml_labels_total{model="model",result="joined"}', ROWS)
            assert server.metrics()['ml_predictions_total{model="model",version="1"}'] == ROWS
        finally:
            replay.kill()
            server.end()


def test_events_come_at_the_speed_of_their_time(server: Process, tmp_path: Path) -> None:
    frame = recorded(400, seconds=20).drop(columns=["label", "label_timestamp"])
    frame.to_parquet(tmp_path / "events.parquet")
    began = time.monotonic()
    done = run(
        *(tmp_path / "events.parquet", "--url", url(server), "--speed", "10"), config=tmp_path / "ml-exporter.yml"
    )
    assert done.returncode == 0
    assert time.monotonic() - began >= 1.9
    (seconds,) = re.findall(r"in ([\d.]+) s", done.stdout)
    assert float(seconds) >= 1.9
    server.until('ml_predictions_total{model="model",version="1"}', 400)
    # Twenty seconds in ticks of a tenth are twenty posts, not one for each event.
    posts = server.metrics()['ml_exporter_http_requests_total{path="/v1/predictions",code="202"}']
    assert 10 <= posts <= 21


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_the_progress_is_what_was_sent(server: Process, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"events.{suffix}"
    frame = recorded(400, seconds=20).drop(columns=["label", "label_timestamp"])
    if suffix == "csv":
        frame.to_csv(path, index=False)
    else:
        events, _ = events_of(frame.assign(label=0, label_timestamp=0))
        path.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    options = ReplayOptions((path,), tmp_path / "ml-exporter.yml", speed=40.0)
    replay = Replay(options, lambda model: Sending(url(server), model, None, None, 10.0, 10.0))
    told: list[tuple[int, int, int]] = []
    replay.run(lambda rows, total, _: told.append((rows, total, replay.sending.account.done)))
    assert len(told) > 3
    assert {total for _, total, _ in told} == {400}
    assert all(0 <= rows - done <= 1 for rows, _, done in told)  # one is read to see when it is due
    assert told[-1] == (400, 400, 400)


def test_an_interrupted_replay_tells_what_it_sent(server: Process, tmp_path: Path) -> None:
    recorded(400).to_parquet(tmp_path / "events.parquet")
    command = [
        sys.executable,
        "-m",
        "ml_exporter",
        "replay",
        str(tmp_path / "events.parquet"),
        "--url",
        url(server),
    ]
    command += ["--config.file", str(tmp_path / "ml-exporter.yml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as replay:
        server.until('ml_predictions_total{model="model",version="1"}', 1)
        replay.send_signal(signal.SIGTERM)
        out, _ = replay.communicate(timeout=20)
    assert replay.returncode == 130
    assert ": 1 events accepted, 0 refused, in " in out


def test_a_guarded_sidecar_with_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate(authority, tmp_path)
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    for name, password in (("password", PASSWORD), ("wrong", "guess")):
        (tmp_path / name).write_text(password)
    events, _ = events_of(recorded(10).drop(index=[5, 8]))
    (tmp_path / "events.jsonl").write_text("\n".join(map(json.dumps, events)))
    guarded = serve(tmp_path, f"tls_server_config: {{cert_file: server.crt, key_file: server.key}}\n{USERS}")
    try:
        where = f"https://127.0.0.1:{guarded.port}"
        known = (tmp_path / "events.jsonl", "--url", where, "--speed", "max", "--user", "alice")
        trusted = ("--ca", tmp_path / "ca.crt")
        done = run(*known, *trusted, "--password-file", tmp_path / "password")
        assert (done.returncode, done.stderr) == (0, "")
        series = 'ml_predictions_total{model="model",version="1"} 8\n'
        context = ssl.create_default_context(cafile=tmp_path / "ca.crt")
        end = time.monotonic() + 20
        page = ""
        while series not in page and time.monotonic() < end:
            headers = basic("alice", PASSWORD)
            page = guarded.request("GET", "/metrics", headers=headers, context=context)[2].decode()
        assert series in page
        done = run(*known, *trusted, "--password-file", tmp_path / "wrong")
        assert done.returncode == 1
        assert (
            f"{where}: 401 credentials are missing or wrong; the events from there on are not sent" in done.stderr
        )
        done = run(*known, "--password-file", tmp_path / "password")
        assert done.returncode == 1
        assert "certificate" in done.stderr
    finally:
        guarded.stop()


def test_nobody_is_waited_for_longer_than_told(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text('{"id": "a", "timestamp": 1384992000, "score": 0.5}')
    where = f"http://127.0.0.1:{free_port()}"
    done = run(tmp_path / "events.jsonl", "--url", where, "--patience", "600ms")
    assert done.returncode == 1
    assert done.stderr == (
        f"ml-exporter: {where}: took no event for 0.6 s: Connection refused;"
        " the events from there on are not sent\n"
    )
    assert f"{where}: 0 events accepted, 0 refused, 1 posts repeated" in done.stdout


MISTAKES = {
    "a file": (["nowhere.csv"], 4, "nowhere.csv: no such file"),
    "a suffix": (["ml-exporter.yml"], 4, "ml-exporter.yml: must end in one of .csv, .parquet, .jsonl, .ndjson"),
    "a speed": (
        ["events.csv", "--speed", "fast"],
        2,
        '--speed: must be a number of at least 0, or max, got "fast"',
    ),
    "no number": (
        ["events.csv", "--speed", "nan"],
        2,
        '--speed: must be a number of at least 0, or max, got "nan"',
    ),
    "a url": (["events.csv", "--url", "localhost"], 2, "URL: must be like http://127.0.0.1:19100"),
    "an authority": (
        ["events.csv", "--ca", "nowhere"],
        2,
        "--ca: nowhere cannot be used: No such file or directory",
    ),
    "a model": (["events.csv", "--model", "modle"], 2, '--model: no model "modle" in '),
    "a key": (["events.csv", "--column", "labl=x"], 2, '--column: "labl" is none of id,'),
    "a column": (
        ["events.csv", "--column", "label=lable"],
        4,
        'no column "lable" for label; did you mean "label"?',
    ),
    "columns of lines": (["empty.jsonl", "--column", "label=x"], 2, "--column: is for .csv and .parquet files"),
    "the order": (
        ["unsorted.csv", "--url", "http://127.0.0.1:9"],
        4,
        "unsorted.csv: must be in the order of time, but an event of 2013-11-21 00:57:36 UTC comes after one of"
        " 2013-11-21 01:58:48 UTC; sort it first",
    ),
    "no event": (["empty.jsonl"], 4, "empty.jsonl: no events that can be sent"),
    "ids": (["anonymous.csv"], 4, "labels need a column with the id; name it with --column id=COLUMN"),
    "a configuration": (["events.csv", "--config.file", "nowhere.yml"], 3, "nowhere.yml: 1 problem"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_says_what_is_right(tmp_path: Path, mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    frame = recorded(100, seconds=7_200)
    frame.to_csv("events.csv", index=False)
    frame.drop(columns="label").iloc[::-1].to_csv("unsorted.csv", index=False)
    frame.drop(columns="id").to_csv("anonymous.csv", index=False)
    (tmp_path / "empty.jsonl").touch()
    arguments, code, message = MISTAKES[mistake]
    done = run(*arguments)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
