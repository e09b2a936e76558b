"""The pipelines that report their runs: the last of each, how it ended, whether the next is late."""

from __future__ import annotations

from ml_exporter.pages.markup import Html, Number, html, muted, table, unknown
from ml_exporter.pages.snapshot import Snapshot
from ml_exporter.pages.words import ago, plain, span


def pipelines(snapshot: Snapshot) -> Html:
    """Return a line for each pipeline, "" if none is known."""
    names = snapshot.by_first("ml_pipeline_running")
    if not names:
        return Html("")
    heads = ("Pipeline", "Last started", "Last ended", "Last succeeded", "Expected every")
    words = (
        "As reported. The interval runs from the last success, before the first from when the pipeline was known."
    )
    return table(words, heads, (_row(snapshot, name) for name in names))


def _row(snapshot: Snapshot, name: str) -> list[str]:
    def of(what: str) -> float | None:
        return snapshot.value(f"ml_pipeline_{what}", name)

    end, success = of("last_end_timestamp_seconds"), of("last_success_timestamp_seconds")
    since = of("known_timestamp_seconds") if success is None else success
    running = of("running")
    going = f"<br>{muted(f'{plain(running)} running')}" if running else ""
    return [
        name,
        Number(html(ago(of("last_start_timestamp_seconds"), snapshot.at, "never")) + going),
        _ended(end, success, of("duration_seconds"), snapshot.at),
        Number(ago(success, snapshot.at, "never")),
        _expected(of("interval_seconds"), since, snapshot.at),
    ]


def _ended(end: float | None, success: float | None, took: float | None, now: float) -> Number:
    """Return when a run last ended and how; a success after it, or at once with it, is its own."""
    if end is None:
        return Number("never")
    how = "succeeded" if success is not None and success >= end else "failed"
    after = "" if took is None else f" after {span(took)}"
    return Number(f"{ago(end, now, '')}<br>{muted(how + after)}")


def _expected(interval: float | None, since: float | None, now: float) -> Number:
    if interval is None:
        return unknown("not told")
    late = 0.0 if since is None else now - since - interval
    return Number(span(interval) + (f"<br>{muted(f'overdue by {span(late)}')}" if late > 0 else ""))
