"""CPU and memory of a real process tree, and what is said when it is gone."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ml_exporter.core.errors import ResourceError
from ml_exporter.resources.process import ProcessReader, reader
from ml_exporter.resources.target import Target

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import sys\\nprint('busy', flush=True)\\nwhile True: pass"])
print("started", flush=True)
sys.stdin.readline()
child.kill(); child.wait()
print("ended", flush=True)
sys.stdin.readline()
"""


def read(found: ProcessReader) -> dict[str, float]:
    return {block.metric.name: float(block.values[0]) for block in found.collect()}


def test_a_tree_is_summed_and_its_cpu_never_falls(tmp_path: Path) -> None:
    pid_file = tmp_path / "server.pid"
    with subprocess.Popen(
        [sys.executable, "-u", "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            lines = {server.stdout.readline().strip(), server.stdout.readline().strip()}
            assert lines == {"started", "busy"}
            pid_file.write_text(f"{server.pid}\n")
            found = ProcessReader(Target(pid_file=pid_file))
            first = read(found)
            assert first["ml_server_up"] == 1
            assert first["ml_server_processes"] == 2
            assert first["ml_server_resident_memory_bytes"] > 4 << 20
            assert first["ml_server_cpu_seconds_total"] == 0
            assert time.time() - first["ml_server_start_timestamp_seconds"] < 60
            end = time.monotonic() + 20
            while (second := read(found))["ml_server_cpu_seconds_total"] < 0.1 and time.monotonic() < end:
                time.sleep(0.02)
            assert second["ml_server_cpu_seconds_total"] >= 0.1
            server.stdin.write("\n")
            server.stdin.flush()
            assert server.stdout.readline() == "ended\n"
            until(found, ml_server_processes=1)
            third = read(found)
            assert third["ml_server_processes"] == 1
            assert third["ml_server_cpu_seconds_total"] >= second["ml_server_cpu_seconds_total"]
            assert third["ml_server_resident_memory_bytes"] < first["ml_server_resident_memory_bytes"]
        finally:
            server.kill()
    assert read(found) == {"ml_server_up": 0, "ml_server_restarts_total": 0}


def test_another_process_in_its_place_is_a_restart(tmp_path: Path) -> None:
    pid_file = tmp_path / "server.pid"
    found = ProcessReader(Target(pid_file=pid_file))
    for restarts in range(3):
        with subprocess.Popen(["sleep", "60"]) as server:
            try:
                pid_file.write_text(str(server.pid))
                until(found, ml_server_up=1)
                values = read(found)
                assert values["ml_server_restarts_total"] == restarts
                assert values["ml_server_threads"] == 1
            finally:
                server.kill()
        until(found, ml_server_up=0)


def test_one_that_ended_and_was_not_waited_for_is_down() -> None:
    with subprocess.Popen(["sleep", "60"]) as server:
        found = ProcessReader(Target(pid=server.pid))
        assert read(found)["ml_server_up"] == 1
        server.kill()
        os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
        until(found, ml_server_up=0)


def until(found: ProcessReader, **expected: float) -> None:
    """Wait until the reader sees it: a tree serves for a moment."""
    end = time.monotonic() + 10
    while not expected.items() <= read(found).items():
        assert time.monotonic() < end, read(found)
        time.sleep(0.02)


@pytest.mark.parametrize("content", [None, "", "not a number", "999999999"])
def test_an_unknown_process_is_down_and_nothing_else_is_said(tmp_path: Path, content: str | None) -> None:
    pid_file = tmp_path / "server.pid"
    if content is not None:
        pid_file.write_text(content)
    assert read(ProcessReader(Target(pid_file=pid_file))) == {"ml_server_up": 0, "ml_server_restarts_total": 0}


def test_nothing_is_read_unless_asked_for() -> None:
    assert reader(Target()) is None
    assert reader(Target(pid=os.getpid())) is not None
    assert Target(pid=5).find() == 5
    with pytest.raises(ResourceError, match="pid file"):
        Target(pid_file=Path("/nowhere")).find()
