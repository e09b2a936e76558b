"""A real server found by its name, its port or its parent; what cannot be told is not told as down."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ml_exporter.app.evaluation import Evaluator
from ml_exporter.core.errors import NotRunningError, ResourceError
from ml_exporter.resources import READERS
from ml_exporter.resources.process import ProcessReader
from ml_exporter.resources.target import Health, Target
from support.engine import values

NAME = f"{os.getpid()}-is-a-long-name"
SERVER = """
import os, socket, sys, time
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
if len(sys.argv) > 1 and os.fork():
    print("forked", flush=True)
time.sleep(60)
"""


@contextmanager
def server(command: list[str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a server in a session of its own; yield it and its port."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            os.killpg(process.pid, 9)


def named(folder: Path) -> list[str]:
    """Return a command whose process has a name of its own."""
    script = folder / NAME
    script.write_text(f"#!{sys.executable}\n{SERVER}")
    script.chmod(0o755)
    return [str(script)]


def soon(target: Target) -> int:
    """Return the process once a search finds it: searches are some time apart."""
    end = time.monotonic() + 20
    while True:
        try:
            return target.find()
        except NotRunningError:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_by_name(tmp_path: Path) -> None:
    target = Target(name=NAME)
    with pytest.raises(NotRunningError, match=f'no process is named "{NAME}"'):
        target.find()
    with server(named(tmp_path)) as (process, _):
        assert soon(target) == process.pid
        assert soon(Target(name=NAME)) == process.pid
    with server(named(tmp_path)) as (process, _):
        assert soon(target) == process.pid


def test_what_is_told_again_and_again_gathers_nothing() -> None:
    target = Target(name="nobody-is-named")
    lengths = []
    for _ in range(50):
        with pytest.raises(NotRunningError) as caught:
            target.find()
        lengths.append(len(caught.traceback))
    assert len(set(lengths[1:])) <= 2, lengths


@pytest.mark.parametrize("workers", [[], ["fork"]])
def test_by_port_the_uppermost_of_those_that_share_it(workers: list[str]) -> None:
    with server([sys.executable, "-c", SERVER, *workers]) as (process, port):
        assert process.stdout is not None
        assert not workers or process.stdout.readline() == "forked\n"
        assert Target(port=port).find() == process.pid
    # A worker takes a moment to end, and the port with it.
    end = time.monotonic() + 20
    while True:
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) != 0:
                break
        assert time.monotonic() < end
    with pytest.raises(NotRunningError, match=f"nothing listens on port {port}"):
        Target(port=port).find()


def test_by_parent() -> None:
    # What the tests started beside it would count as well, so the server has a parent of its own.
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    with server([sys.executable, "-c", code, SERVER]) as (process, _):
        (child,) = (
            int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        )
        assert Target(parent=process.pid).find() == child
        assert len(Target(parent=process.pid).tree().processes) == 1
        with pytest.raises(NotRunningError, match=f"process {child} has no child"):
            Target(parent=child).find()


def test_the_exporter_is_not_its_own_sibling() -> None:
    ask = "import os; from ml_exporter.resources.target import Target; print(Target(parent=os.getppid()).find())"
    alone = subprocess.run(["sh", "-c", f"{sys.executable} -c '{ask}'; true"], capture_output=True, text=True)
    assert "NotRunningError: process" in alone.stderr
    assert alone.stdout == ""


def test_two_of_a_name_are_told_and_not_taken_for_down(tmp_path: Path) -> None:
    with server(named(tmp_path)) as (first, _), server(named(tmp_path)) as (second, _):
        target = Target(name=NAME)
        both = ", ".join(map(str, sorted((first.pid, second.pid))))
        with pytest.raises(
            ResourceError, match=f'2 processes are named "{NAME}" \\({both}\\): name one by'
        ) as told:
            list(ProcessReader(target).collect())
        assert not isinstance(told.value, NotRunningError)
        readers = [reader for make in READERS if (reader := make(Target(name=NAME))) is not None]
        found = values(Evaluator(signals=(), readers=readers).evaluate({}))
    assert {name for name, *_ in found} == {
        "ml_exporter_collector_success",
        "ml_exporter_collector_duration_seconds",
    }
    failed = [
        dict(labels)["collector"] for (name, *labels), value in found.items() if "success" in name and not value
    ]
    assert failed == ["process"]


def test_a_port_that_nobody_visible_holds_is_not_down(tmp_path: Path) -> None:
    from ml_exporter.resources import search

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        table = tmp_path / "proc/self/net"
        table.mkdir(parents=True)
        (table / "tcp").write_text(Path("/proc/self/net/tcp").read_text())
    with pytest.raises(ResourceError, match=f"port {port} is listened on, but by no process"):
        search.by_port(port, tmp_path)


def test_equal_settings_are_equal_whatever_was_found() -> None:
    first, second = (
        Target(pid=os.getpid(), health=Health("http://a/")),
        Target(pid=os.getpid(), health=Health("http://a/")),
    )
    first.tree()
    first.stopped.set()
    assert first == second
    assert not second.stopped.is_set()
    assert first != Target(pid=os.getpid())
