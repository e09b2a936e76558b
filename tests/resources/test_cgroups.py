"""Throttling, memory, disk traffic and pressure of the model server's cgroup, in trees of both versions."""

import os
from pathlib import Path

import pytest

from ml_exporter.core.errors import ResourceError
from ml_exporter.resources import cgroups
from ml_exporter.resources.cgroup_io import CgroupIoReader
from ml_exporter.resources.cgroup_memory import CgroupMemoryReader
from ml_exporter.resources.limits import LimitsReader
from ml_exporter.resources.pressure import PressureReader
from ml_exporter.resources.reader import ServerReader
from ml_exporter.resources.target import Target
from ml_exporter.resources.throttling import ThrottlingReader
from support.engine import values

SELF = Target(pid=os.getpid())
NO_LIMIT = "9223372036854771712"

V2 = {
    "proc/PID/cgroup": "0::/kubepods/pod1/c1\n",
    "sys/fs/cgroup/kubepods/pod1/cpu.max": "50000 100000",
    "sys/fs/cgroup/kubepods/pod1/cpu.stat": "nr_periods 700\nnr_throttled 70\nthrottled_usec 2500000",
    "sys/fs/cgroup/kubepods/pod1/memory.max": "500000000",
    "sys/fs/cgroup/kubepods/pod1/memory.current": "300000000",
    "sys/fs/cgroup/kubepods/pod1/memory.stat": "anon 1\nfile 2\ninactive_file 40000000\nactive_file 5",
    "sys/fs/cgroup/kubepods/pod1/c1/cgroup.events": "populated 1\nfrozen 0",
    "sys/fs/cgroup/kubepods/pod1/c1/cpu.max": "max 100000",
    "sys/fs/cgroup/kubepods/pod1/c1/cpu.stat": "usage_usec 9\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0",
    "sys/fs/cgroup/kubepods/pod1/c1/memory.max": "max",
    "sys/fs/cgroup/kubepods/pod1/c1/memory.current": "200000000",
    "sys/fs/cgroup/kubepods/pod1/c1/memory.events": "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0",
    "sys/fs/cgroup/kubepods/pod1/c1/io.stat": (
        "8:0 rbytes=1000 wbytes=2000 rios=1 wios=2 dbytes=0 dios=0\n7:1 \n259:3 rbytes=5 wbytes=0 rios=1 wios=0\n"
    ),
    "sys/fs/cgroup/kubepods/pod1/c1/cpu.pressure": "some avg10=0.12 avg60=0.00 avg300=0.00 total=1500000\n",
    "sys/fs/cgroup/kubepods/pod1/c1/memory.pressure": (
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=20\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=10\n"
    ),
    "proc/pressure/cpu": "some avg10=0.00 avg60=0.00 avg300=0.00 total=999000000\n",
}
V1 = {
    "proc/PID/cgroup": "7:blkio:/docker/c1\n5:memory:/docker/c1\n3:cpu,cpuacct:/docker/c1\n0::/\n",
    "sys/fs/cgroup/cpu,cpuacct/docker/c1/cpu.cfs_quota_us": "20000",
    "sys/fs/cgroup/cpu,cpuacct/docker/c1/cpu.cfs_period_us": "100000",
    "sys/fs/cgroup/cpu,cpuacct/docker/c1/cpu.stat": "nr_periods 10\nnr_throttled 4\nthrottled_time 3500000000",
    "sys/fs/cgroup/memory/docker/c1/memory.limit_in_bytes": NO_LIMIT,
    "sys/fs/cgroup/memory/docker/c1/memory.usage_in_bytes": "1000",
    "sys/fs/cgroup/memory/docker/c1/memory.stat": "inactive_file 1\ntotal_inactive_file 300",
    "sys/fs/cgroup/memory/docker/c1/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1",
    "sys/fs/cgroup/blkio/docker/c1/blkio.throttle.io_service_bytes": (
        "8:0 Read 11\n8:0 Write 22\n8:0 Sync 33\n8:0 Total 33\nTotal 33\n"
    ),
    "sys/fs/cgroup/unified/cpu.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=7000000\n",
    "proc/pressure/cpu": "some avg10=0.00 avg60=0.00 avg300=0.00 total=7000000\n",
}


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name.replace("PID", str(os.getpid()))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def read(found: ServerReader) -> dict[tuple[object, ...], float]:
    return dict(values(list(found.collect())))


@pytest.mark.parametrize(("files", "expected"), [(V2, (700, 70, 2.5)), (V1, (10, 4, 3.5))], ids=["2", "1"])
def test_throttling_is_that_of_the_group_with_the_quota(
    files: dict[str, str], expected: tuple[float, ...], tmp_path: Path
) -> None:
    found = read(ThrottlingReader(SELF, tree(tmp_path, files)))
    names = ("periods", "throttled_periods", "throttled_seconds")
    assert found == {
        (f"ml_server_cpu_{name}_total",): number for name, number in zip(names, expected, strict=True)
    }


def test_without_a_quota_nothing_is_throttled_and_nothing_is_said(tmp_path: Path) -> None:
    files = {**V2, "sys/fs/cgroup/kubepods/pod1/cpu.max": "max 100000"}
    assert read(ThrottlingReader(SELF, tree(tmp_path, files))) == {}


@pytest.mark.parametrize(("files", "expected"), [(V2, (3e8, 2.6e8, 2)), (V1, (1000, 700, 1))], ids=["2", "1"])
def test_memory_is_charged_where_the_limit_is_and_kills_are_the_servers(
    files: dict[str, str], expected: tuple[float, ...], tmp_path: Path
) -> None:
    found = read(CgroupMemoryReader(SELF, tree(tmp_path, files)))
    names = ("cgroup_memory_bytes", "cgroup_working_set_bytes", "oom_kills_total")
    assert found == {(f"ml_server_{name}",): number for name, number in zip(names, expected, strict=True)}


def test_the_memory_of_the_whole_machine_is_not_the_servers(tmp_path: Path) -> None:
    files = {
        "proc/PID/cgroup": "5:memory:/\n",
        "sys/fs/cgroup/memory/release_agent": "",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": NO_LIMIT,
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "1000",
    }
    assert read(CgroupMemoryReader(SELF, tree(tmp_path, files))) == {}


def test_disk_traffic_by_the_names_of_the_disks(tmp_path: Path) -> None:
    root = tree(tmp_path, V2)
    (root / "sys/devices/virtual/block/sda").mkdir(parents=True)
    (root / "sys/dev/block").mkdir(parents=True)
    (root / "sys/dev/block/8:0").symlink_to("../../devices/virtual/block/sda")
    name = "ml_server_cgroup_io_bytes_total"
    assert read(CgroupIoReader(SELF, root)) == {
        (name, ("device", "sda"), ("direction", "read")): 1000,
        (name, ("device", "sda"), ("direction", "write")): 2000,
        (name, ("device", "259:3"), ("direction", "read")): 5,
        (name, ("device", "259:3"), ("direction", "write")): 0,
    }


def test_disk_traffic_of_version_1(tmp_path: Path) -> None:
    name = "ml_server_cgroup_io_bytes_total"
    assert read(CgroupIoReader(SELF, tree(tmp_path, V1))) == {
        (name, ("device", "8:0"), ("direction", "read")): 11,
        (name, ("device", "8:0"), ("direction", "write")): 22,
    }


def test_pressure_says_whose_it_is(tmp_path: Path) -> None:
    name = "ml_server_pressure_seconds_total"
    assert read(PressureReader(SELF, tree(tmp_path / "2", V2))) == {
        (name, ("kind", "some"), ("of", "cgroup"), ("resource", "cpu")): 1.5,
        (name, ("kind", "some"), ("of", "cgroup"), ("resource", "memory")): 20e-6,
        (name, ("kind", "full"), ("of", "cgroup"), ("resource", "memory")): 10e-6,
    }
    assert read(PressureReader(SELF, tree(tmp_path / "1", V1))) == {
        (name, ("kind", "some"), ("of", "machine"), ("resource", "cpu")): 7
    }


def test_a_server_in_another_container_is_looked_up_through_its_root(tmp_path: Path) -> None:
    """What lies beside the exporter's own group, as a namespace shows it, is not the exporter's own group."""
    files = {
        "proc/PID/cgroup": "0::/../server\n",
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": "100",
        "proc/PID/root/sys/fs/cgroup/memory.max": "300000000",
        "proc/PID/root/sys/fs/cgroup/cpu.max": "25000 100000",
    }
    found = read(LimitsReader(SELF, tree(tmp_path, files)))
    assert found == {("ml_server_memory_limit_bytes",): 3e8, ("ml_server_cpu_limit_cores",): 0.25}


def test_a_container_without_a_namespace_finds_itself_at_the_top(tmp_path: Path) -> None:
    line = "5:memory:/docker/c1\n3:cpu,cpuacct:/docker/c1\n"
    files = {
        "proc/PID/cgroup": line,
        "proc/self/cgroup": line,
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "400000000",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "20000",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
    }
    found = read(LimitsReader(SELF, tree(tmp_path, files)))
    assert found == {("ml_server_memory_limit_bytes",): 4e8, ("ml_server_cpu_limit_cores",): 0.2}


def test_another_container_that_may_not_be_looked_into_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"proc/PID/cgroup": "0::/../server\n", "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "100"}
    root = tree(tmp_path, files)
    # A loop of links cannot be entered by anybody, root included.
    (root / f"proc/{os.getpid()}/root").symlink_to("root")
    with pytest.raises(ResourceError, match="/root/sys/fs/cgroup: "):
        read(LimitsReader(SELF, root))


def test_this_machine_has_groups() -> None:
    for controller in ("memory", "cpu", "blkio", cgroups.UNIFIED):
        group = cgroups.of(SELF, Path("/"), controller)
        assert group is not None
        assert group.own.is_dir()
    for reader in (ThrottlingReader, CgroupMemoryReader, CgroupIoReader, PressureReader):
        assert all(value >= 0 for value in read(reader(SELF)).values())
