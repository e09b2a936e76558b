"""The bounded queue between the intake, which answers at once, and the one writer, which counts."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from ml_exporter.ingest.events import EventTypes

BATCH: Final = 1_000
"""Events waiting from which on the writer is woken at once; fewer wait for its next tick."""


class Kind(Enum):
    """What a batch holds."""

    EVENTS = "events"
    COLUMNS = "columns"
    LABELS = "labels"
    FEEDBACK = "feedback"
    COMMAND = "command"
    """Not events: a function for the writer to call between the batches before and after it."""


@dataclass(slots=True)
class ModelIntake:
    """One model as the intake sees it: its name, default version and event types."""

    name: str
    version: str
    types: EventTypes


@dataclass(slots=True)
class Batch:
    """Events of one model that arrived together.

    ``content`` is a list of ``types.Event``, one ``types.Columns`` and its length, the ids, labels and times of
    labels, the ids and :class:`FeedbackColumns` of feedback, or the function of a command, which has no model.
    ``done`` is called in the writer's thread once it is known whether the events are in the durable state.
    """

    kind: Kind
    model: ModelIntake | None
    content: Any
    events: int
    size: int
    done: Callable[[bool], None] | None = None


@dataclass(slots=True)
class IntakeQueue:
    """A queue bounded by events and by bytes of their bodies. One thread puts, one takes."""

    max_events: int
    max_bytes: int
    wake: threading.Event = field(default_factory=threading.Event)
    closed: bool = False
    _batches: deque[Batch] = field(default_factory=deque)
    _put_events: int = 0
    _put_bytes: int = 0
    _taken_events: int = 0
    _taken_bytes: int = 0

    @property
    def events(self) -> int:
        """Events that wait."""
        return self._put_events - self._taken_events

    @property
    def bytes(self) -> int:
        """Bytes of the bodies of the events that wait."""
        return self._put_bytes - self._taken_bytes

    def has_room(self, events: int, size: int) -> bool:
        """Return whether so many events of ``size`` bytes together may be put."""
        return self.events + events <= self.max_events and self.bytes + size <= self.max_bytes

    def put(self, batches: Sequence[Batch]) -> None:
        """Add batches for which :meth:`has_room` was true."""
        for batch in batches:
            self._batches.append(batch)
            self._put_events += batch.events
            self._put_bytes += batch.size
            if batch.done is not None:
                self.wake.set()
        if self._put_events - self._taken_events >= BATCH and not self.wake.is_set():
            self.wake.set()

    def take(self) -> list[Batch]:
        """Remove and return all that waits; its room is free again once :meth:`release` is called."""
        taken = []
        for _ in range(len(self._batches)):
            taken.append(self._batches.popleft())
        return taken

    def release(self, batches: Sequence[Batch]) -> None:
        """Free the room of batches that have been counted."""
        self._taken_events += sum(batch.events for batch in batches)
        self._taken_bytes += sum(batch.size for batch in batches)
