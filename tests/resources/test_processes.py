"""Memory, descriptors, connections, disks, network and filesystem of real processes; and of somebody else's."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ml_exporter.core.errors import ResourceError
from ml_exporter.core.metrics import Block
from ml_exporter.resources import READERS
from ml_exporter.resources.connections import ConnectionsReader
from ml_exporter.resources.descriptors import DescriptorsReader
from ml_exporter.resources.disk import DiskReader
from ml_exporter.resources.filesystem import FilesystemReader
from ml_exporter.resources.memory import MemoryReader
from ml_exporter.resources.network import NetworkReader
from ml_exporter.resources.slow import SlowReader
from ml_exporter.resources.target import Target, Tree
from support.engine import values

SELF = Target(pid=os.getpid())


def read(found: SlowReader, target: Target = SELF) -> dict[tuple[str, ...], float]:
    return dict(values(list(found.read(target.tree()))))


@pytest.fixture
def target() -> Iterator[Target]:
    """A target whose threads end with the test."""
    found = Target(pid=os.getpid())
    yield found
    found.stopped.set()


def test_a_shared_page_counts_once() -> None:
    code = "import mmap, os, time; m = mmap.mmap(-1, 64 << 20); m.write(b'x' * (64 << 20)); os.fork()\n"
    code += "m[0:64 << 20: 4096]; print('there', flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as server:
        try:
            assert server.stdout is not None
            assert [server.stdout.readline() for _ in range(2)] == ["there\n"] * 2
            target = Target(pid=server.pid)
            found = read(MemoryReader(target), target)
            processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children()]
            resident = sum(process.memory_info().rss for process in processes)
            shares = sum(process.memory_full_info().pss for process in processes)
            assert len(processes) == 2
            assert found["ml_server_proportional_memory_bytes",] == pytest.approx(shares, rel=0.05)
            assert found["ml_server_proportional_memory_bytes",] < resident - (60 << 20)
            assert found["ml_server_swap_bytes",] >= 0
        finally:
            os.killpg(server.pid, 9)


def test_descriptors_and_their_limit() -> None:
    before = read(DescriptorsReader(SELF))
    with open("/dev/null"), open("/dev/null"):
        after = read(DescriptorsReader(SELF))
        own = psutil.Process().num_fds()
    assert after["ml_server_open_fds",] - before["ml_server_open_fds",] == 2
    soft = psutil.Process().rlimit(psutil.RLIMIT_NOFILE)[0]
    assert after["ml_server_max_fds",] == soft
    # The share is that of one process, which other tests may have left children beside; who counts holds one more.
    assert after["ml_server_fds_used_ratio",] * soft == pytest.approx(own, abs=1)


def test_connections_by_state() -> None:
    def states() -> dict[str, float]:
        found = read(ConnectionsReader(SELF))
        return {dict(labels)["state"]: value for (_, *labels), value in found.items()}  # type: ignore[arg-type]

    before = states()
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as client,
        listening.accept()[0],
    ):
        during = states()
        assert during["listen"] - before["listen"] == 1
        assert during["established"] - before["established"] == 2
        client.shutdown(socket.SHUT_WR)
        end = time.monotonic() + 10
        while states()["close_wait"] == before["close_wait"]:
            assert time.monotonic() < end
        assert states()["fin_wait_2"] - before["fin_wait_2"] == 1
    oracle = [found.status for found in psutil.Process().net_connections("tcp")]
    assert states()["listen"] == oracle.count(psutil.CONN_LISTEN)


def test_what_a_child_wrote_stays_and_counts_once(tmp_path: Path) -> None:
    """The kernel adds a child's bytes to its parent's when the parent waits for it."""
    code = """
import os, subprocess, sys
write = "import os; f = open(sys.argv[1], 'wb'); f.write(b'x' * (8 << 20)); f.flush(); os.fsync(f.fileno())"
sys.stdin.readline()
child = subprocess.Popen([sys.executable, "-c", "import sys;" + write + ";print('written', flush=True);input()",
                          sys.argv[1]], stdin=subprocess.PIPE)
sys.stdin.readline()
child.communicate(b"\\n")
print("ended", flush=True)
sys.stdin.readline()
"""
    command = [sys.executable, "-c", code, str(tmp_path / "data")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            found = DiskReader(Target(pid=server.pid))

            def written() -> float:
                time.sleep(0.11)  # a tree serves for a tenth of a second
                return {block.metric.name: float(block.values[0]) for block in found.collect()}[
                    "ml_server_disk_written_bytes_total"
                ]

            assert written() == 0
            server.stdin.write("\n")
            server.stdin.flush()
            assert server.stdout.readline() == "written\n"
            first = written()
            if first == 0:
                pytest.skip("this filesystem has no disk below it that the kernel counts")
            assert first >= 8 << 20
            server.stdin.write("\n")
            server.stdin.flush()
            assert server.stdout.readline() == "ended\n"
            assert first <= written() < first + (4 << 20)
        finally:
            server.kill()


def test_the_network_of_the_process() -> None:
    found = values(list(NetworkReader(SELF).collect()))
    oracle = psutil.net_io_counters(pernic=True)
    devices = {dict(labels)["device"] for _, *labels in found}
    assert devices == {name for name, counts in oracle.items() if any(counts)}
    bytes_ = found["ml_server_network_bytes_total", ("device", "lo"), ("direction", "receive")]
    assert bytes_ <= psutil.net_io_counters(pernic=True)["lo"].bytes_recv
    assert bytes_ > 0.5 * oracle["lo"].bytes_recv


NET_DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier
"""


def test_devices_beyond_the_cap_are_added_up(tmp_path: Path) -> None:
    folder = tmp_path / f"proc/{os.getpid()}/net"
    folder.mkdir(parents=True)
    lines = [f"  veth{number}:{number} 1 2 3 0 0 0 0 {10 * number} 4 5 6 0 0 0 0" for number in range(1, 41)]
    (folder / "dev").write_text(NET_DEV + "\n".join([*lines, "  idle: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0", ""]))
    found = values(list(NetworkReader(SELF, tmp_path).collect()))

    def of(name: str, device: str, direction: str) -> float:
        return found[f"ml_server_network_{name}_total", ("device", device), ("direction", direction)]

    assert len({dict(labels)["device"] for _, *labels in found}) == 17
    assert of("bytes", "veth3", "transmit") == 30
    assert of("errors", "veth3", "receive") == 2
    assert of("dropped", "veth3", "transmit") == 6
    assert of("bytes", "other", "receive") == sum(range(17, 41))
    assert of("packets", "other", "transmit") == 24 * 4


def test_the_filesystem_of_the_working_directory() -> None:
    found = read(FilesystemReader(SELF))
    oracle = psutil.disk_usage(os.getcwd())
    assert found["ml_server_filesystem_size_bytes",] >= oracle.total
    assert found["ml_server_filesystem_available_bytes",] == pytest.approx(oracle.free, rel=0.05)


DENIED = {"memory", "descriptors", "connections", "disk", "filesystem"}
STRANGER = """
import json, logging, os, sys, time
from ml_exporter.app.evaluation import Evaluator
from ml_exporter.resources import READERS
from ml_exporter.resources.target import Target
logging.basicConfig(format="%(collector)s: %(error)s")
os.setgroups([]), os.setgid(65534), os.setuid(65534)
target = Target(pid=int(sys.argv[1]))
evaluator = Evaluator(signals=(), readers=[reader for make in READERS if (reader := make(target))])
end = time.monotonic() + 20
while time.monotonic() < end:
    blocks = evaluator.evaluate({})
    (success,) = [block for block in blocks if block.metric.name == "ml_exporter_collector_success"]
    failed = [name for (name,), ok in zip(success.rows.values, success.values) if not ok]
    if len(failed) >= int(sys.argv[2]):
        break
    time.sleep(0.05)
print(json.dumps([failed, [block.metric.name for block in blocks]]))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root may be somebody else")
def test_a_process_of_somebody_else_loses_only_what_may_not_be_read() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, str(os.getpid()), str(len(DENIED))],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    failed, names = json.loads(done.stdout)
    assert set(failed) == DENIED
    assert {"ml_server_up", "ml_server_cpu_seconds_total", "ml_server_swap_bytes", "ml_server_max_fds"} <= set(
        names
    )
    lost = {"ml_server_proportional_memory_bytes", "ml_server_open_fds", "ml_server_connections"}
    lost |= {"ml_server_disk_read_bytes_total", "ml_server_filesystem_size_bytes"}
    assert not lost & set(names)
    hint = "Permission denied; run the exporter as the server's user, or with CAP_SYS_PTRACE"
    assert f"disk: /proc/{os.getpid()}/io: {hint}\n" in done.stderr


class Stuck(SlowReader):
    """Never comes back, as the filesystem of a server that is gone."""

    key = "stuck"
    metrics = ()
    release = threading.Event()

    def read(self, tree: Tree) -> Iterator[Block]:
        self.release.wait(60)
        yield from ()


def test_a_reading_that_hangs_holds_up_nobody_and_is_told(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Stuck(target)
    try:
        began = time.monotonic()
        assert list(found.collect()) == []
        assert time.monotonic() - began < 1
        monkeypatch.setattr("ml_exporter.resources.slow.STALE_SECONDS", 0.05)
        time.sleep(0.1)
        with pytest.raises(ResourceError, match="stuck: a reading has not come back for"):
            list(found.collect())
    finally:
        found.release.set()


def test_what_was_read_beside_is_shown_by_the_next_collections(target: Target) -> None:
    found = DescriptorsReader(target)
    end = time.monotonic() + 10
    while not (blocks := list(found.collect())):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert [block.metric.name for block in blocks] == [metric.name for metric in found.metrics]


def test_what_was_read_beside_goes_with_its_process(tmp_path: Path) -> None:
    pid_file = tmp_path / "server.pid"
    target = Target(pid_file=pid_file)
    found = DescriptorsReader(target)
    try:
        with subprocess.Popen(["sleep", "60"]) as server:
            pid_file.write_text(str(server.pid))
            end = time.monotonic() + 20
            while not list(found.collect()):
                assert time.monotonic() < end
                time.sleep(0.02)
            server.kill()
        with subprocess.Popen(["sleep", "60"]) as server:
            pid_file.write_text(str(server.pid))
            # Well before the next reading is due.
            end = time.monotonic() + 5
            while list(found.collect()):
                assert time.monotonic() < end
                time.sleep(0.02)
            server.kill()
    finally:
        target.stopped.set()


def test_nothing_is_read_of_a_process_that_is_gone(tmp_path: Path) -> None:
    gone = Target(pid_file=tmp_path / "none.pid")
    for make in READERS:
        reader = make(gone)
        if reader is not None and reader.key != "process":
            assert list(reader.collect()) == [], reader.key
    gone.stopped.set()
