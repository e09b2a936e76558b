"""A recorded event as it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple, Protocol


class Kind(StrEnum):
    """What an event is, which is where the intake takes it."""

    PREDICTIONS = "predictions"
    LABELS = "labels"


class Event(NamedTuple):
    """The time at which an event arrived, where it goes, and its line of JSON."""

    time: float
    kind: Kind
    line: bytes


class Source(Protocol):
    """A file of recorded events."""

    name: str
    read: int
    """The rows whose events were yielded so far, but for labels that wait for their time."""

    def rows(self) -> int:
        """Return about how many rows there are."""

    def events(self) -> Iterator[Event]:
        """Yield the events; a prediction's label may come out of order."""
