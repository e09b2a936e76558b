"""What the intake counts about itself: accepted, lost and incomplete events, and the queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import numpy as np

from ml_exporter.core.metrics import Block, Metric, Rows, counter, gauge, one
from ml_exporter.core.text import label_value
from ml_exporter.ingest.queue import IntakeQueue
from ml_exporter.ingest.reasons import LOSSES
from ml_exporter.ingest.receipt import Trouble

NAMED: Final = 20
"""Unknown features of a model that are counted by name; further ones count as ``other``."""

_ACCEPTED: Final = counter(
    "ml_exporter_events_accepted_total", "Events put into the queue, by what they are.", "event"
)
_LOST: Final = counter(
    "ml_exporter_events_lost_total", "Events, or bodies of them, not counted, by reason.", "reason"
)
_WARNINGS: Final = counter(
    "ml_exporter_event_warnings_total",
    "Parts of events left out, by model and reason; the rest of the event is counted.",
    *("model", "reason"),
)
_UNKNOWN: Final = counter(
    "ml_exporter_unknown_features_total",
    "Events with a feature that neither baseline nor configuration knows; from the 21st name on it is other.",
    *("model", "feature"),
)
_EVENTS: Final = gauge("ml_exporter_queue_events", "Events that wait to be counted.")
_EVENTS_MAX: Final = gauge("ml_exporter_queue_capacity_events", "Events that may wait to be counted.")
_BYTES: Final = gauge("ml_exporter_queue_bytes", "Bytes of the bodies of events that wait to be counted.")
_BYTES_MAX: Final = gauge("ml_exporter_queue_capacity_bytes", "Bytes of bodies that may wait to be counted.")


class IntakeMetrics:
    """Counters of the intake; they begin at 0 with the process."""

    key = "intake"
    metrics = (_ACCEPTED, _LOST, _WARNINGS, _UNKNOWN, _EVENTS, _EVENTS_MAX, _BYTES, _BYTES_MAX)

    def __init__(self, queue: IntakeQueue) -> None:
        self._queue = queue
        self.accepted: Counter[str] = Counter({"prediction": 0, "label": 0, "feedback": 0})
        self.lost: Counter[str] = Counter(dict.fromkeys(LOSSES, 0))
        self.warnings: Counter[tuple[str, str]] = Counter()
        self.unknown_features: Counter[tuple[str, str]] = Counter()
        self._named: Counter[str] = Counter()

    def note(self, trouble: Trouble) -> None:
        """Count what went wrong in a request."""
        self.lost.update(trouble.rejected)
        self.warnings.update(trouble.warned)
        for (model, feature), count in trouble.unknown_features.items():
            key = (model, label_value(feature))
            if key not in self.unknown_features and self._named[model] >= NAMED:
                key = (model, "other")
            elif key not in self.unknown_features:
                self._named[model] += 1
            self.unknown_features[key] += count

    def collect(self) -> Iterable[Block]:
        """Yield the samples of now."""
        yield _by(_ACCEPTED, {(name,): count for name, count in self.accepted.items()})
        yield _by(_LOST, {(name,): count for name, count in self.lost.items()})
        if self.warnings:
            yield _by(_WARNINGS, self.warnings)
        if self.unknown_features:
            yield _by(_UNKNOWN, self.unknown_features)
        yield one(_EVENTS, self._queue.events)
        yield one(_EVENTS_MAX, self._queue.max_events)
        yield one(_BYTES, self._queue.bytes)
        yield one(_BYTES_MAX, self._queue.max_bytes)


def _by(metric: Metric, counts: Counter[tuple[str, str]] | dict[tuple[str, ...], int]) -> Block:
    rows = Rows(tuple(counts))
    return Block(metric, (), rows, np.array(list(counts.values()), np.int64))
