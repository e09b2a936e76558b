"""Traffic of the network namespace that the model server is in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ml_exporter.core.metrics import Block, Collector, counter
from ml_exporter.resources import procfs
from ml_exporter.resources.devices import Devices
from ml_exporter.resources.reader import ServerReader
from ml_exporter.resources.target import Target

_LABELS: Final = ("device", "direction")
_OF: Final = "of the network namespace of the model server: its container's, else the machine's."
_BYTES: Final = counter("ml_server_network_bytes_total", f"Bytes {_OF}", *_LABELS)
_PACKETS: Final = counter("ml_server_network_packets_total", f"Packets {_OF}", *_LABELS)
_ERRORS: Final = counter("ml_server_network_errors_total", f"Packets with errors {_OF}", *_LABELS)
_DROPPED: Final = counter("ml_server_network_dropped_total", f"Packets dropped {_OF}", *_LABELS)
_DIRECTIONS: Final = ("receive", "transmit")
_SENT: Final = 8
"""Where the numbers of transmission begin behind those of reception."""


class NetworkReader(ServerReader):
    """Reads ``net/dev`` of the process; devices without any traffic are left out."""

    key = "network"
    metrics = (_BYTES, _PACKETS, _ERRORS, _DROPPED)

    def __init__(self, target: Target, root: Path = Path("/")) -> None:
        super().__init__(target, root)
        self._devices = Devices()

    def collect(self) -> Iterable[Block]:
        """Yield the counters; nothing while the process is not there."""
        tree = self._target.known()
        table = procfs.text(self._root / f"proc/{tree.root.pid}/net/dev") if tree else None
        lines = [line.partition(":") for line in (table or "").splitlines()[2:]]
        counts = {name.strip(): [float(number) for number in rest.split()] for name, _, rest in lines}
        used = {name: numbers for name, numbers in counts.items() if any(numbers)}
        for place, metric in enumerate(self.metrics):
            pairs = {name: (numbers[place], numbers[place + _SENT]) for name, numbers in used.items()}
            if pairs:
                rows, values = self._devices.series(pairs, _DIRECTIONS)
                yield Block(metric, (), rows, values)


def reader(target: Target) -> Collector | None:
    """Return the reader of the model server's network, if one is watched."""
    return NetworkReader(target) if target.is_set else None
