"""Resident memory of a whole sidecar whose 24 h window is full, beside a float64 frame of the rows."""

from __future__ import annotations

import subprocess
import sys

from harness import Row, resident
from workload import columnar, events, folder

EVENTS_A_SECOND, FEATURES, DAY = 1_000, 30, 86_400
LIMIT = 150


def run() -> list[Row]:
    """Return the line of the table; the sidecar runs in a process of its own."""
    body = folder() / "batch.json"
    items = events(1_000)
    for item in items:
        item["id"] = None
    body.write_bytes(columnar(items))
    command = [sys.executable, __file__, str(folder() / "ml-exporter.yml"), str(body)]
    megabytes = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / (1 << 20)
    frame = EVENTS_A_SECOND * DAY * FEATURES * 8 / (1 << 20)
    return [
        Row(
            "resident memory of the sidecar, 24 h window at 1,000 events/s x 30 features",
            f"{megabytes:.0f} MiB all told",
            f"float64 frame of the rows: {frame:,.0f} MiB (computed)",
            f"{frame / megabytes:.0f}x less",
            f"at most {LIMIT} MiB",
            megabytes <= LIMIT,
        )
    ]


def fill(config: str, body: str) -> None:
    """Be a sidecar for a day: every slice of every window gets events; print the resident bytes at the end."""
    import asyncio
    from pathlib import Path

    from ml_exporter.app.sidecar import ServeOptions, Sidecar
    from ml_exporter.core.clock import ManualClock
    from ml_exporter.exposition.render import Format
    from ml_exporter.ingest.protocols import JsonDocument

    async def main() -> None:
        clock = ManualClock(1.0e9)
        sidecar = Sidecar(ServeOptions(Path(config), ("127.0.0.1:0",)), clock)
        await sidecar._server.start(sidecar._sockets)
        engine = sidecar._engine
        engine.recover()
        content = Path(body).read_bytes()
        while clock.now < 1.0e9 + DAY:
            # Slices of ten seconds only matter in the last five minutes.
            clock.advance(10.0 if clock.now > 1.0e9 + DAY - 400 else 60.0)
            batches, _ = sidecar._paths.intake.predictions(content, JsonDocument(), None)
            sidecar._queue.put(batches)
            engine.count()
            engine.tick()
            sidecar._page.render(Format.OPENMETRICS, gzip=True)
        rings = next(iter(next(iter(engine.models.values())).state.versions.values())).rings
        assert [len(ring.slices) for ring in rings] == [30, 30, 24]
        print(resident())

    asyncio.run(main())


if __name__ == "__main__":
    fill(sys.argv[1], sys.argv[2])
