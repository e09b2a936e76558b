"""CPU and memory of a real process tree, and what is said when it is gone."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ml_exporter.core.errors import NotRunningError, ResourceError
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


NO_PIDS = ["", " \n", "-1", "0", "4194305", "9" * 5000, "1_0", "not a number", "\0", "ü"]


@pytest.mark.parametrize("content", [None, "4194304", *NO_PIDS], ids=lambda content: str(content)[:12])
def test_an_unknown_process_is_down_and_nothing_else_is_said(tmp_path: Path, content: str | None) -> None:
    pid_file = tmp_path / "server.pid"
    if content is not None:
        pid_file.write_text(content)
    assert read(ProcessReader(Target(pid_file=pid_file))) == {"ml_server_up": 0, "ml_server_restarts_total": 0}


@pytest.mark.parametrize("content", NO_PIDS, ids=lambda content: content[:12])
def test_what_is_no_process_id_is_told(tmp_path: Path, content: str) -> None:
    pid_file = tmp_path / "server.pid"
    pid_file.write_text(content)
    with pytest.raises(NotRunningError, match=r"server\.pid: must begin with a process id from 1 to 4194304, got"):
        Target(pid_file=pid_file).find()


def test_the_first_word_of_a_pid_file_counts(tmp_path: Path) -> None:
    pid_file = tmp_path / "server.pid"
    pid_file.write_text(f"\n {os.getpid()}\n" + "further\n" * 1000)
    assert Target(pid_file=pid_file).find() == os.getpid()


def test_a_pid_file_that_is_none_holds_nothing_up(tmp_path: Path) -> None:
    pipe = tmp_path / "server.pid"
    os.mkfifo(pipe)
    # One who waits for a writer is let go by this one, and has been too long.
    late = threading.Timer(5.0, lambda: pipe.write_text("1"))
    late.daemon = True
    late.start()
    began = time.monotonic()
    assert read(ProcessReader(Target(pid_file=pipe))) == {"ml_server_up": 0, "ml_server_restarts_total": 0}
    assert time.monotonic() - began < 4
    late.cancel()
    for path in (pipe, tmp_path, Path("/dev/zero")):
        with pytest.raises(NotRunningError, match=f"pid file {path}: must be a regular file"):
            Target(pid_file=path).find()


def test_nothing_is_read_unless_asked_for() -> None:
    assert reader(Target()) is None
    assert reader(Target(pid=os.getpid())) is not None
    assert Target(pid=5).find() == 5
    with pytest.raises(ResourceError, match="pid file"):
        Target(pid_file=Path("/nowhere")).find()
