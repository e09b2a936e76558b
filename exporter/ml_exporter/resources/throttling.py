"""How long the kernel kept the model server from running for want of CPU quota."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ml_exporter.core.metrics import Block, Collector, counter, one
from ml_exporter.resources import cgroups
from ml_exporter.resources.limits import lowest_cpu
from ml_exporter.resources.reader import ServerReader
from ml_exporter.resources.target import Target

_OF: Final = "of the model server's cgroup with the lowest CPU quota."
_PERIODS: Final = counter("ml_server_cpu_periods_total", f"Enforcement periods {_OF}")
_THROTTLED: Final = counter(
    "ml_server_cpu_throttled_periods_total", f"Enforcement periods in which the quota was used up, {_OF}"
)
_SECONDS: Final = counter(
    "ml_server_cpu_throttled_seconds_total", f"Time that tasks were kept from running, summed over CPUs, {_OF}"
)


class ThrottlingReader(ServerReader):
    """Reads ``cpu.stat`` where the quota is set; without a quota there is nothing to show."""

    key = "throttling"
    metrics = (_PERIODS, _THROTTLED, _SECONDS)

    def collect(self) -> Iterable[Block]:
        """Yield the counters of the kernel; they begin at 0 with the cgroup."""
        group = cgroups.of(self._target, self._root, "cpu")
        if group is None:
            return
        folder, _ = lowest_cpu(group)
        found = cgroups.numbers(folder / "cpu.stat") if folder else {}
        if "nr_periods" not in found:
            return
        yield one(_PERIODS, found["nr_periods"])
        yield one(_THROTTLED, found["nr_throttled"])
        yield one(_SECONDS, found["throttled_usec"] / 1e6 if group.version == 2 else found["throttled_time"] / 1e9)


def reader(target: Target) -> Collector | None:
    """Return the reader of the model server's throttling, if one is watched."""
    return ThrottlingReader(target) if target.is_set else None
