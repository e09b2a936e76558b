"""Numbers from the host about the watched model server: one file a reader, listed in :data:`READERS`.

Adding one: a file with a class that has ``metrics`` and ``collect``, and a function from settings to it or
None; the function's name in the tuple; its test in ``tests/resources``. What may take long or hang is a
:class:`~ml_exporter.resources.slow.SlowReader`. What may not be read is raised as ResourceError after the rest was
yielded: it loses only its own series, and ``ml_exporter_collector_success`` of the reader turns 0. One that
holds something, such as a child process, has ``close`` too.
"""

from collections.abc import Callable

from ml_exporter.core.metrics import Collector
from ml_exporter.resources import (
    cgroup_io,
    cgroup_memory,
    connections,
    descriptors,
    disk,
    filesystem,
    gpu,
    health,
    limits,
    memory,
    model_reload,
    network,
    pressure,
    process,
    throttling,
)
from ml_exporter.resources.target import Target

READERS: tuple[Callable[[Target], Collector | None], ...] = (
    process.reader,
    limits.reader,
    memory.reader,
    descriptors.reader,
    connections.reader,
    disk.reader,
    filesystem.reader,
    network.reader,
    throttling.reader,
    cgroup_memory.reader,
    cgroup_io.reader,
    pressure.reader,
    health.reader,
    model_reload.reader,
    gpu.reader,
)
