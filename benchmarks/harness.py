"""Timing ours and a rival in turns, and telling the ratio."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version

LIBRARIES = (
    *("numpy", "scipy", "scikit-learn", "prometheus-client", "orjson", "msgspec", "isal", "uvloop", "httptools"),
    *("starlette", "uvicorn", "pandas"),
)


@dataclass
class Row:
    """One line of the table. ``met`` is whether the goal was reached, None for a line without one."""

    what: str
    ours: str
    rival: str
    ratio: str
    goal: str
    met: bool | None


@dataclass
class Pair:
    """The seconds of both sides, run by run."""

    ours: list[float] = field(default_factory=list)
    rival: list[float] = field(default_factory=list)

    @property
    def times_less(self) -> float:
        """How many times less ours takes: the median of the ratios of neighbouring runs."""
        return statistics.median(rival / ours for ours, rival in zip(self.ours, self.rival, strict=True))

    @property
    def share(self) -> float:
        """What share of the rival's time ours takes."""
        return 1 / self.times_less


def compare(
    ours: Callable[[], object],
    rival: Callable[[], object],
    runs: int = 15,
    clock: Callable[[], float] = time.perf_counter,
    repeat: tuple[int, int] = (1, 1),
    prepare: Callable[[], object] | None = None,
) -> Pair:
    """Time both in turns, ``repeat`` calls a run, after one call each to warm up; ``prepare`` is not timed."""
    if prepare is not None:
        prepare()
    ours(), rival()
    pair = Pair()
    gc.collect()
    gc.freeze()
    for _ in range(runs):
        pair.ours.append(timed(ours, repeat[0], clock, prepare))
        pair.rival.append(timed(rival, repeat[1], clock))
    gc.unfreeze()
    return pair


def timed(
    function: Callable[[], object],
    calls: int,
    clock: Callable[[], float] = time.perf_counter,
    prepare: Callable[[], object] | None = None,
) -> float:
    """Return the time of a call; with ``prepare``, which is called before each, only that of the calls."""
    if prepare is None:
        began = clock()
        for _ in range(calls):
            function()
        return (clock() - began) / calls
    spent = 0.0
    for _ in range(calls):
        prepare()
        began = clock()
        function()
        spent += clock() - began
    return spent / calls


def seconds(values: list[float], per: int = 1) -> str:
    """Return the median as people read it."""
    value = statistics.median(values) / per
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def pin(core: int) -> None:
    """Keep this process on one core, if the machine has it."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[min(core, len(cores) - 1)]})


def resident() -> int:
    """Return the resident bytes of this process."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def machine() -> list[str]:
    """Return lines about the machine and the versions."""
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return [
        f"- processor: {model}, {os.cpu_count()} cores, {memory:.0f} GiB memory",
        f"- system: {platform.system()} {platform.release()}, Python {platform.python_version()}",
        f"- versions: {versions}",
    ]
