"""The bridge as a process: killed at any moment, stopped, reloaded, without a disk."""

import os
import random
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from support.processes import free_port
from support.retrain import (
    Answer,
    BridgeProcess,
    Got,
    TargetServer,
    at,
    audit,
    target_server,
    until,
    write_retrain,
)

DAG = "/api/v2/dags/retrain/dagRuns"
QUICK = "cooldown: 0s\nbudget: {runs: 1000, per: 1d}\nretry: {times: 20, first: 200ms, longest: 200ms}"


@pytest.fixture
def start() -> Iterator[Callable[..., BridgeProcess]]:
    started: list[BridgeProcess] = []

    def begin(config: Path, *options: str) -> BridgeProcess:
        started.append(BridgeProcess(config, *options))
        return started[-1]

    yield begin
    for process in started:
        process.end()


class Airflow:
    """Takes runs as Airflow does: an id once."""

    def __init__(self, server: TargetServer, seconds: float = 0.0) -> None:
        self.runs: list[str] = []
        self.asked = 0
        self._seconds = seconds
        self._server = server
        self._lock = threading.Lock()
        server.answers["POST", DAG] = self._take

    def _take(self, got: Got) -> Answer:
        run = got.body["dag_run_id"]
        with self._lock:
            self.asked += 1
            if run in self.runs:
                return Answer(409, {"detail": "exists"})
            self.runs.append(run)
            self._server.answers["GET", f"{DAG}/{run}"] = Answer(200, {"dag_run_id": run})
        # The run is made; the answer takes its time.
        return Answer(200, {"dag_run_id": run}, before=lambda handler: time.sleep(self._seconds))


def airflow(folder: Path, port: int) -> Path:
    (folder / "secret").write_text("token")
    target = f"{{kind: airflow, url: 'http://127.0.0.1:{port}', dag: retrain, token_file: secret, timeout: 5s}}"
    return write_retrain(folder, target, QUICK)


def test_a_job_that_was_accepted_and_not_started_survives_a_sigkill(
    tmp_path: Path, start: Callable[..., BridgeProcess]
) -> None:
    port = free_port()
    config = airflow(tmp_path, port)
    bridge = start(config)
    assert bridge.take(at(0)) == 200
    bridge.end(signal.SIGKILL)
    with target_server(port=port) as server:
        runs = Airflow(server).runs
        bridge = start(config)
        job = bridge.until_job("started")
        assert bridge.take(at(0)) == 200
        assert runs == [f"ml-retrain-{job['id']}"]
        assert len(bridge.jobs()) == 1


def test_a_run_that_was_made_before_the_kill_is_recognised(
    tmp_path: Path, start: Callable[..., BridgeProcess]
) -> None:
    with target_server() as server:
        target = Airflow(server, seconds=0.5)
        config = airflow(tmp_path, int(server.url.rpartition(":")[2]))
        bridge = start(config)
        assert bridge.take(at(0)) == 200
        until(lambda: target.runs, bool)
        bridge.end(signal.SIGKILL)
        bridge = start(config)
        job = bridge.until_job("started")
        assert target.runs == [job["run_id"]] == [f"ml-retrain-{job['id']}"]
        assert (target.asked, job["attempts"]) == (2, 2)
        decisions = [line["decision"] for line in audit(tmp_path)]
        assert decisions == ["accepted", "sending", "resumed", "sending", "started"]


def test_killed_at_any_moment_each_alert_makes_one_run(
    tmp_path: Path, start: Callable[..., BridgeProcess]
) -> None:
    """The sender repeats what was not acknowledged, as Alertmanager does; Airflow sees every job at least once."""
    chance = random.Random(7)
    with target_server() as server:
        target = Airflow(server, seconds=0.03)
        config = airflow(tmp_path, int(server.url.rpartition(":")[2]))
        for minute in range(6):
            bridge = start(config)
            if minute:
                bridge.until_job("started")

            def post(bridge: BridgeProcess = bridge, minute: int = minute) -> None:
                with suppress(OSError):
                    bridge.take(at(minute))

            sender = threading.Thread(target=post)
            sender.start()
            time.sleep(chance.uniform(0, 0.06))  # not waited for: the moment of the kill
            bridge.end(signal.SIGKILL)
            sender.join()
            bridge = start(config)
            assert bridge.take(at(minute)) == 200
            bridge.until_job("started")
            bridge.end(signal.SIGKILL)
        assert len(target.runs) == len(set(target.runs)) == 6
        bridge = start(config)
        assert {f"ml-retrain-{job['id']}" for job in bridge.jobs()} == set(target.runs)
        assert bridge.metrics()['ml_retrain_jobs_total{model="flights",state="started"}'] == 6


def running(folder: Path, count: int) -> list[int]:
    """Wait until a command was started ``count`` times; return the process ids."""

    def read() -> list[int]:
        path = folder / "pids"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    found: list[int] = until(read, lambda pids: len(pids) == count)
    return found


@pytest.mark.parametrize(
    ("idempotent", "number", "runs"),
    [(False, signal.SIGKILL, 1), (False, signal.SIGTERM, 1), (True, signal.SIGKILL, 2), (True, signal.SIGTERM, 2)],
)
def test_a_command_that_was_running_is_run_again_only_if_it_says_so(
    idempotent: bool, number: int, runs: int, tmp_path: Path, start: Callable[..., BridgeProcess]
) -> None:
    script = f"cd {tmp_path}; echo $$ >> pids; [ -e go ] || exec sleep 60"
    word = str(idempotent).lower()
    target = f"{{kind: command, arguments: [sh, -c, '{script}'], idempotent: {word}}}"
    config = write_retrain(tmp_path, target)
    bridge = start(config)
    bridge.take(at(0))
    (pid,) = running(tmp_path, 1)
    code = bridge.end(number)
    if number == signal.SIGTERM:
        assert code == 0
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    else:
        os.kill(pid, signal.SIGKILL)
    (tmp_path / "go").touch()
    bridge = start(config)
    job = bridge.until_job("started" if idempotent else "unknown")
    assert len(running(tmp_path, runs)) == job["attempts"] == runs
    assert bridge.take(at(0)) == 200
    assert len(bridge.jobs()) == 1
    if not idempotent:
        assert job["reason"].startswith("the bridge ended during the attempt")
        metrics = bridge.metrics()
        assert metrics['ml_retrain_last_job_state{model="flights",state="unknown"}'] == 1
        assert metrics['ml_retrain_jobs_total{model="flights",state="unknown"}'] == 1
    decisions = [line["decision"] for line in audit(tmp_path)]
    assert ("resumed" if idempotent else "unknown") in decisions


def test_without_a_disk_the_sender_is_asked_to_come_again(
    tmp_path: Path, start: Callable[..., BridgeProcess]
) -> None:
    """A limit on the size of files stands for a full disk: SQLite cannot write its log any further."""
    bridge = start(write_retrain(tmp_path))
    limits = resource.prlimit(bridge.process.pid, resource.RLIMIT_FSIZE)
    size = (tmp_path / "jobs.sqlite-wal").stat().st_size
    resource.prlimit(bridge.process.pid, resource.RLIMIT_FSIZE, (size, limits[1]))
    assert bridge.take(at(0)) == 503
    assert bridge.jobs() == []
    assert not (tmp_path / "runs").exists()
    assert bridge.metrics()['ml_retrain_notifications_total{result="state_failed"}'] == 1
    resource.prlimit(bridge.process.pid, resource.RLIMIT_FSIZE, limits)
    assert bridge.take(at(0)) == 200
    job = bridge.until_job("started")
    assert (tmp_path / "runs").read_text().split() == [job["id"]]


def test_sighup_reloads(tmp_path: Path, start: Callable[..., BridgeProcess]) -> None:
    config = write_retrain(tmp_path)
    bridge = start(config)
    good = config.read_text()
    config.write_text(good + "    mode: x\n")
    bridge.process.send_signal(signal.SIGHUP)
    bridge.until("ml_retrain_config_last_reload_successful", 0)
    config.write_text(good + "    mode: dry_run\n")
    bridge.process.send_signal(signal.SIGHUP)
    bridge.until("ml_retrain_config_last_reload_successful", 1)
    bridge.take(at(0))
    bridge.until_job("dry_run")


def test_a_second_bridge_on_the_same_state_ends_with_1(tmp_path: Path, start: Callable[..., Any]) -> None:
    config = write_retrain(tmp_path)
    start(config)
    with pytest.raises(AssertionError, match=r"ended with 1: (.|\n)*jobs.sqlite is in use by another process"):
        start(config)
