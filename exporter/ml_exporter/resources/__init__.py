"""Numbers from the host about the watched model server: one file a reader, listed in :data:`READERS`.

Adding one: a file with a class that has ``metrics`` and ``collect``, and a function from settings to it or
None; the function's name in the tuple; its test in ``tests/resources``. One that holds something, such as a child
process, has ``close`` too.
"""

from collections.abc import Callable

from ml_exporter.core.metrics import Collector
from ml_exporter.resources import gpu, limits, process
from ml_exporter.resources.target import Target

READERS: tuple[Callable[[Target], Collector | None], ...] = (process.reader, limits.reader, gpu.reader)
