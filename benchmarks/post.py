"""A POST of events, from its bytes to counts and pending ids, beside json.loads alone."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields
from typing import Any

from harness import Row, compare, seconds
from ml_exporter.ingest.intake import Intake
from ml_exporter.ingest.metrics import IntakeMetrics
from ml_exporter.ingest.protocols.protocol import Bounds
from ml_exporter.web.application import Application, Hooks
from ml_exporter.web.connection import Connection, Shared
from ml_exporter.web.intake import IntakePaths
from ml_exporter.web.pipelines import Desk, PipelinePaths
from workload import columnar, engine, events, ndjson, stream

FORMS = (
    ("NDJSON", ndjson, "application/x-ndjson", 1_000, 40, 0.8),
    ("columnar", columnar, "application/json", 1_000, 40, 0.45),
    ("Arrow", stream, "application/vnd.apache.arrow.stream", 1_000, 40, 0.15),
    ("Arrow", stream, "application/vnd.apache.arrow.stream", 10_000, 15, 0.15),
)


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
    """Return a line for each form and size of body."""
    import pyarrow.compute  # noqa: F401  a sidecar loads it with its first such body

    return asyncio.run(_run())


async def _run() -> list[Row]:
    made = engine()
    models = {name: model.intake for name, model in made.models.items()}
    intake = Intake(models, Bounds(1 << 30, 1_000_000))
    queue = made._queue
    paths = IntakePaths(intake, queue, IntakeMetrics(queue), 1 << 30, durable=False)
    hooks: Any = Hooks(*[lambda *given: None] * len(fields(Hooks)))
    pipelines = PipelinePaths(Desk(made.report, made.forget_pipeline, made._clock.wall))
    shared = Shared(Application(paths, pipelines, hooks, None, "/metrics"))
    shared.tick(0.0)
    connection = Connection(shared)
    connection.connection_made(Sink())  # type: ignore[arg-type]

    def request(body: bytes, kind: str) -> bytes:
        head = f"Host: a\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        return b"POST /v1/predictions HTTP/1.1\r\n" + head.encode() + body

    rows = []
    for number, (name, encode, kind, count, runs, goal) in enumerate(FORMS, 1):
        lines = ndjson(events(count)).split(b"\n")
        requests = [request(encode(events(count, 100 * number + run)), kind) for run in range(runs + 1)]
        before = made.status.counted

        def ours(requests: list[bytes] = requests) -> None:
            connection.data_received(requests.pop())
            made.count()

        pair = compare(ours, lambda lines=lines: [json.loads(line) for line in lines], runs=runs)  # type: ignore[misc]
        assert made.status.counted - before == count * (runs + 1)
        rows.append(
            Row(
                f"{name} POST of {count:,} events, bytes to counts and pending ids",
                f"{seconds(pair.ours, count)} an event",
                f"json.loads of the same lines: {seconds(pair.rival, count)} an event",
                f"{pair.share:.2f}x its time",
                f"{goal:g}x its time",
                pair.share <= goal,
            )
        )
    return rows
