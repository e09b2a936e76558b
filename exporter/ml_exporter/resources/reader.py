"""What readers of the model server have in common."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ml_exporter.core.metrics import Block, Metric
from ml_exporter.resources.target import Target


class ServerReader:
    """Reads files about the process of a target; ``root`` is where ``proc`` and ``sys`` are found."""

    key: str
    metrics: tuple[Metric, ...]

    def __init__(self, target: Target, root: Path = Path("/")) -> None:
        self._target = target
        self._root = root

    def collect(self) -> Iterable[Block]:
        """Yield the samples of now; nothing while the process is not there or not known."""
        raise NotImplementedError
