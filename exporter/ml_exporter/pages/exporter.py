"""How the exporter itself stands: queue, losses, state on disk, what cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ml_exporter.ingest.reasons import LOSSES
from ml_exporter.pages.markup import Html, Number, facts, table
from ml_exporter.pages.snapshot import Snapshot
from ml_exporter.pages.words import ago, moment, number, plain, size, span

_EVENTS: Final = {"prediction": "predictions", "label": "labels", "feedback": "ratings or thumbs"}


def exporter(more: Sequence[tuple[str, str]], snapshot: Snapshot) -> Html:
    """Return the exporter's numbers, ``more`` facts before them, then losses by reason and failing readers."""
    return Html(facts([*more, *_pairs(snapshot)]) + _losses(snapshot))


def _pairs(snapshot: Snapshot) -> list[tuple[str, str]]:
    value, now = snapshot.value, snapshot.at
    accepted = snapshot.by_first("ml_exporter_events_accepted_total")
    started = value("ml_exporter_start_timestamp_seconds")
    pairs = [
        ("Running for", span(now - started) if started is not None else "unknown"),
        ("Numbers of", moment(value("ml_exporter_snapshot_timestamp_seconds"))),
        ("Last tick took", span(value("ml_exporter_tick_duration_seconds") or 0.0)),
        (
            "Events accepted",
            ", ".join(f"{plain(count)} {_EVENTS.get(event, event)}" for event, count in accepted.items()),
        ),
        ("Events waiting", _of(snapshot, "events")),
        ("Bytes waiting", _of(snapshot, "bytes")),
        ("State on disk", _checkpoint(snapshot)),
        ("Memory", size(value("ml_exporter_resident_memory_bytes") or 0.0)),
        ("CPU time", span(value("ml_exporter_cpu_seconds_total") or 0.0)),
    ]
    uncounted = value("ml_exporter_events_uncounted_total")
    success = snapshot.by_first("ml_exporter_collector_success")
    failing = [key for key, good in success.items() if not good]
    words = ", ".join(failing) if failing else f"none of {plain(len(success))}"
    lost = snapshot.by_first("ml_exporter_events_lost_total")
    return [
        *pairs,
        ("Events that could not be counted", number(uncounted)),
        ("Events lost", plain(sum(lost.values()))),
        ("Signals and readers that fail", words),
    ]


def _of(snapshot: Snapshot, what: str) -> str:
    shown = size if what == "bytes" else plain
    waiting = snapshot.value(f"ml_exporter_queue_{what}") or 0.0
    most = snapshot.value(f"ml_exporter_queue_capacity_{what}") or 0.0
    return f"{shown(waiting)} of {shown(most)}"


def _checkpoint(snapshot: Snapshot) -> str:
    good = snapshot.value("ml_exporter_checkpoint_successful")
    if good is None:
        return "none: nothing survives a restart"
    last = ago(snapshot.value("ml_exporter_checkpoint_timestamp_seconds"), snapshot.at, "never")
    failures = plain(snapshot.value("ml_exporter_checkpoint_failures_total") or 0)
    return f"{'written' if good else 'cannot be written; last'} {last}, {failures} failures"


def _losses(snapshot: Snapshot) -> Html:
    lost = snapshot.by_first("ml_exporter_events_lost_total")
    refused = snapshot.by_first("ml_exporter_http_refused_total")
    rows = [(reason, LOSSES.get(reason, ""), Number(plain(count))) for reason, count in lost.items() if count]
    rows += [
        (f"HTTP: {reason}", "refused by the server itself", Number(plain(count)))
        for reason, count in refused.items()
        if count
    ]
    if not rows:
        return Html("")
    return table("Events and requests lost since the start, by reason.", ("Reason", "Meaning", "Times"), rows)
