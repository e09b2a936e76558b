"""When a process started, to a hundredth of a second."""

from __future__ import annotations

import time
from functools import cache

import psutil


def started_at(created: float) -> float:
    """Return when a process started, in seconds since the Unix epoch, from what psutil says.

    psutil counts from the kernel's time of boot, which is cut to whole seconds.

    Reference: proc_stat(5), ``btime``.
    """
    return created + _cut_off()


@cache
def _cut_off() -> float:
    """Return the part of a second after the kernel's time of boot; once, so that a start stays the same."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    left = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) - psutil.boot_time()
    return left if 0.0 <= left < 1.0 else 0.0
