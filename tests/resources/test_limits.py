"""Limits of the model server under both versions of cgroups, as recorded on machines and in containers."""

import os
from pathlib import Path

import psutil
import pytest

from ml_exporter.resources.limits import LimitsReader, reader
from ml_exporter.resources.target import Target

MACHINE = float(psutil.virtual_memory().total)
CORES = float(len(os.sched_getaffinity(0)))
NO_LIMIT = "9223372036854771712"

TREES = {
    "version 2: the lowest of all above counts": (
        "0::/kubepods/burstable/pod1/c1",
        {
            "kubepods/burstable/memory.max": "700000000",
            "kubepods/burstable/pod1/memory.max": "500000000",
            "kubepods/burstable/pod1/c1/memory.max": "max",
            "kubepods/burstable/pod1/c1/cpu.max": "max 100000",
            "kubepods/burstable/pod1/cpu.max": "50000 100000",
        },
        (5e8, 0.5),
    ),
    "version 2 in a container that sees only its own part": (
        "0::/",
        {"memory.max": "300000000", "cpu.max": "25000 100000"},
        (3e8, 0.25),
    ),
    "version 2 without limits": ("0::/user.slice", {"user.slice/memory.max": "max"}, (MACHINE, CORES)),
    "version 1": (
        "5:memory:/docker/c1\n3:cpu,cpuacct:/docker/c1\n1:name=systemd:/docker/c1",
        {
            "memory/docker/c1/memory.limit_in_bytes": "400000000",
            "memory/docker/memory.limit_in_bytes": NO_LIMIT,
            "cpu,cpuacct/docker/c1/cpu.cfs_quota_us": "20000",
            "cpu,cpuacct/docker/c1/cpu.cfs_period_us": "100000",
        },
        (4e8, 0.2),
    ),
    "version 1 without limits": (
        "5:memory:/\n3:cpu,cpuacct:/",
        {
            "memory/memory.limit_in_bytes": NO_LIMIT,
            "cpu,cpuacct/cpu.cfs_quota_us": "-1",
            "cpu,cpuacct/cpu.cfs_period_us": "100000",
        },
        (MACHINE, CORES),
    ),
    "a quota that cannot be read is no limit": ("0::/a", {"a/cpu.max": "?", "a/memory.max": ""}, (MACHINE, CORES)),
}


def read(found: LimitsReader) -> dict[str, float]:
    return {block.metric.name: float(block.values[0]) for block in found.collect()}


@pytest.mark.parametrize("name", TREES)
def test_the_lowest_limit_counts(name: str, tmp_path: Path) -> None:
    groups, files, (memory, cores) = TREES[name]
    place = tmp_path / f"proc/{os.getpid()}"
    place.mkdir(parents=True)
    (place / "cgroup").write_text(groups + "\n")
    for path, text in files.items():
        file = tmp_path / "sys/fs/cgroup" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    values = read(LimitsReader(Target(pid=os.getpid()), tmp_path))
    assert values == {"ml_server_memory_limit_bytes": memory, "ml_server_cpu_limit_cores": cores}


def test_this_process_has_limits() -> None:
    values = read(LimitsReader(Target(pid=os.getpid())))
    assert 0 < values["ml_server_memory_limit_bytes"] <= MACHINE
    assert 0 < values["ml_server_cpu_limit_cores"] <= CORES


def test_a_process_that_is_gone_has_none(tmp_path: Path) -> None:
    assert read(LimitsReader(Target(pid_file=tmp_path / "none.pid"))) == {}
    assert reader(Target()) is None
