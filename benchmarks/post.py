"""A POST of a thousand events, from its bytes to counts and pending ids, beside json.loads alone."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from harness import Row, compare, seconds
from ml_exporter.ingest.intake import Intake
from ml_exporter.ingest.metrics import IntakeMetrics
from ml_exporter.web.application import Application, Hooks
from ml_exporter.web.connection import Connection, Shared
from ml_exporter.web.intake import IntakePaths
from workload import columnar, engine, events, ndjson

EVENTS = 1_000
RUNS = 40


class Sink:
    """A transport that takes what is written."""

    written = 0

    def write(self, data: bytes) -> None:
        """Count the bytes."""
        self.written += len(data)

    def is_closing(self) -> bool:
        """Never."""
        return False


def run() -> list[Row]:
    """Return a line for lines of JSON and one for columns."""
    return asyncio.run(_run())


async def _run() -> list[Row]:
    made = engine()
    intake = Intake({name: model.intake for name, model in made.models.items()})
    queue = made._queue
    paths = IntakePaths(intake, queue, IntakeMetrics(queue), 1 << 30, durable=False)
    hooks: Any = Hooks(*[lambda *given: None] * 6)
    shared = Shared(Application(paths, hooks, None, "/metrics"))
    shared.tick(0.0)
    connection = Connection(shared)
    connection.connection_made(Sink())  # type: ignore[arg-type]

    def request(body: bytes, kind: str) -> bytes:
        head = f"Host: a\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        return b"POST /v1/predictions HTTP/1.1\r\n" + head.encode() + body

    rows = []
    lines = ndjson(events(EVENTS)).split(b"\n")
    for name, encode, kind, goal, first in (
        ("NDJSON", ndjson, "application/x-ndjson", 0.8, 100),
        ("columnar", columnar, "application/json", 0.45, 200),
    ):
        requests = [request(encode(events(EVENTS, seed)), kind) for seed in range(first, first + RUNS + 1)]
        before = made.status.counted

        def ours(requests: list[bytes] = requests) -> None:
            connection.data_received(requests.pop())
            made.count()

        pair = compare(ours, lambda: [json.loads(line) for line in lines], runs=RUNS)
        assert made.status.counted - before == EVENTS * (RUNS + 1)
        rows.append(
            Row(
                f"{name} POST of 1,000 events, bytes to counts and pending ids",
                f"{seconds(pair.ours, EVENTS)} an event",
                f"json.loads of the same lines: {seconds(pair.rival, EVENTS)} an event",
                f"{pair.share:.2f}x its time",
                f"{goal:g}x its time",
                pair.share <= goal,
            )
        )
    return rows
