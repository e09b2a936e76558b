"""NVIDIA GPUs of the model server, as NVML sees them."""

from __future__ import annotations

import ctypes
import json
import logging
import sys
import time
from collections.abc import Iterable
from math import inf
from pathlib import Path
from typing import Any, Final

import psutil

from ml_exporter.core.errors import ResourceError
from ml_exporter.core.metrics import Block, Collector
from ml_exporter.resources.gpu_child import Child, Patience
from ml_exporter.resources.gpu_metrics import METRICS, Numbers, blocks, pids, problems
from ml_exporter.resources.target import Target

log = logging.getLogger(__name__)

INTERVAL_SECONDS: Final = 5.0
"""Time between two readings (chosen): some cards hang if they are asked often, and each PCIe rate takes 20 ms."""

NO_DRIVER_SECONDS: Final = 600.0
"""Time between two looks for a driver where the library is and no driver was ever seen (chosen)."""

PATIENCE: Final = Patience()
_LIBRARY: Final = "libnvidia-ml.so.1"
_PROGRAM: Final = Path(__file__).with_name("gpu_nvml.py")
_NO_DRIVER: Final = (9, 12)
"""NVML_ERROR_DRIVER_NOT_LOADED and NVML_ERROR_LIBRARY_NOT_FOUND of nvml.h."""
_USUAL: Final = ("Not Supported", "Function Not Found", "Insufficient Permissions")


class GpuReader:
    """Asks a child process and shows its last answer; :meth:`collect` itself never waits.

    An answer is shown from the tick after it was asked for until the next one comes, or until that one is late.
    """

    key = "gpu"
    metrics = METRICS

    def __init__(self, target: Target, patience: Patience = PATIENCE, interval: float = INTERVAL_SECONDS) -> None:
        self._target = target
        self._interval = interval
        # -P: the folder of the program holds no modules for it.
        self._child = Child([sys.executable, "-P", str(_PROGRAM), str(patience.again)], patience)
        self._numbers = Numbers()
        self._asked = -inf
        self._seen = False
        self._blocks: list[Block] = []
        self._failure = ""
        self._told: set[tuple[str, str, str]] = set()

    def collect(self) -> Iterable[Block]:
        """Return the samples; none where there is no driver; ResourceError while NVML fails or does not answer."""
        try:
            line = self._child.take()
            if line is not None:
                self._understand(json.loads(line))
            now = time.monotonic()
            if not self._child.waiting and now - self._asked >= self._interval and self._child.ask():
                self._asked = now
        except ResourceError as error:
            self._blocks, self._failure = [], str(error)
        if self._failure:
            raise ResourceError(f"GPUs: {self._failure}")
        return self._blocks

    def close(self) -> None:
        """End the child; takes seconds if the driver hangs."""
        self._child.close()

    def _understand(self, answer: dict[str, Any]) -> None:
        if "error" in answer:
            silent = answer["code"] in _NO_DRIVER and not self._seen
            self._blocks, self._failure = [], "" if silent else answer["error"]
            log.debug("no GPUs", extra={"error": answer["error"]})
            self._child.leave(NO_DRIVER_SECONDS if silent else self._child.patience.again)
            return
        self._failure = ""
        self._seen = self._seen or bool(answer["devices"])
        self._blocks = blocks(answer, self._numbers, self._tree() if pids(answer) else ())
        self._tell(set(problems(answer)))

    def _tell(self, found: set[tuple[str, str, str]]) -> None:
        for gpu, what, why in sorted(found - self._told):
            level = logging.DEBUG if why in _USUAL else logging.WARNING
            log.log(level, "GPU cannot be read", extra={"gpu": gpu, "what": what, "error": why})
        self._told = found

    def _tree(self) -> set[int]:
        try:
            root = psutil.Process(self._target.find())
            return {root.pid, *(child.pid for child in root.children(recursive=True))}
        except (psutil.Error, ResourceError):
            return set()


def reader(target: Target) -> Collector | None:
    """Return the reader of the GPUs, if a model server is watched and NVIDIA's library is here."""
    if not target.is_set:
        return None
    try:
        ctypes.CDLL(_LIBRARY)  # only looks: opening NVML is the child's
    except OSError as error:
        log.debug("no GPUs", extra={"error": str(error)})
        return None
    return GpuReader(target)
