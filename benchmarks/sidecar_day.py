"""A sidecar's day in one process, which loads nothing else: prints the resident bytes at its end."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from harness import resident
from ml_exporter.app.sidecar import ServeOptions, Sidecar
from ml_exporter.core.clock import ManualClock
from ml_exporter.exposition.render import Format
from ml_exporter.ingest.protocols import JsonDocument

SECONDS = 86_400


async def live(config: Path, body: bytes) -> None:
    """Give events to every slice of every window; ``body`` is one document of them."""
    clock = ManualClock(1.0e9)
    sidecar = Sidecar(ServeOptions(config, ("127.0.0.1:0",)), clock)
    await sidecar._server.start(sidecar._sockets)
    engine = sidecar._engine
    engine.recover()
    while clock.now < 1.0e9 + SECONDS:
        # Slices of ten seconds only matter in the last five minutes.
        clock.advance(10.0 if clock.now > 1.0e9 + SECONDS - 400 else 60.0)
        batches, _ = sidecar._paths.intake.predictions(body, JsonDocument(), None)
        sidecar._queue.put(batches)
        engine.count()
        engine.tick()
        sidecar._page.render(Format.OPENMETRICS, gzip=True)
    rings = next(iter(next(iter(engine.models.values())).state.versions.values())).rings
    assert [len(ring.slices) for ring in rings] == [30, 30, 24]
    print(resident())


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
