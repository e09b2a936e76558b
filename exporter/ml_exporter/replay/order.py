"""The events of several files as one stream in the order of time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Final

from ml_exporter.backfill.feed import moment
from ml_exporter.core.errors import EventsError
from ml_exporter.replay.event import Event, Kind, Source

TOLERANCE: Final = 3600.0
"""Seconds by which an event may come after a later one in its file (chosen); it is sent at that one's time."""


def in_order(sources: Sequence[Source]) -> Iterator[Event]:
    """Yield the events of all files by time, of two at one time the prediction first.

    EventsError if a file is not in the order of time.
    """
    return heapq.merge(*map(_of_file, sources), key=lambda event: (event.time, event.kind is Kind.LABELS))


def _of_file(source: Source) -> Iterator[Event]:
    """Yield the events of a file by time: labels beside predictions wait for theirs."""
    latest: dict[Kind, float] = {}
    waiting: list[tuple[float, int, Event]] = []
    number = 0
    has_predictions = False
    for event in source.events():
        if event.kind is Kind.PREDICTIONS:
            has_predictions = True
        elif has_predictions:
            number += 1
            heapq.heappush(waiting, (event.time, number, event))
            continue
        before = latest.get(event.kind, event.time)
        if before - event.time > TOLERANCE:
            raise EventsError(
                f"{source.name}: must be in the order of time, but an event of {moment(event.time)} comes after"
                f" one of {moment(before)}; sort it first"
            )
        latest[event.kind] = time = max(before, event.time)
        while waiting and waiting[0][0] < time:
            yield heapq.heappop(waiting)[2]
        yield event._replace(time=time)
    while waiting:
        yield heapq.heappop(waiting)[2]
