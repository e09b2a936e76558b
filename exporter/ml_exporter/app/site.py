"""The pages for people over the snapshot that was published last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ml_exporter.pages.landing import Standing, landing_page
from ml_exporter.pages.model import missing_page, model_page, select
from ml_exporter.pages.report import report_page, report_parts
from ml_exporter.pages.snapshot import Snapshot


class Site:
    """Answers with pages; each is of the moment at which it was asked for."""

    def __init__(self, snapshot: Callable[[], Snapshot], standing: Callable[[], Standing]) -> None:
        self._snapshot = snapshot
        self._standing = standing
        self._reporting = asyncio.Lock()

    def landing(self) -> bytes:
        """Return the page of all models."""
        return landing_page(self._standing(), self._snapshot())

    def model(self, name: str, version: str | None, window: str | None) -> tuple[int, bytes]:
        """Return status and page of a model."""
        snapshot = self._snapshot()
        chosen = select(snapshot, name, version, window)
        if chosen is None:
            return 404, missing_page(name, version, window, snapshot)
        return 200, model_page(chosen)

    async def report(self, name: str | None) -> bytes | None:
        """Return the report of a model, or of all; None if there is no such model.

        Between its parts the event loop answers others, and one report is written at a time.
        """
        async with self._reporting:
            standing, snapshot = self._standing(), self._snapshot()
            known = sorted({*standing.models, *snapshot.models()})
            if name is not None and name not in known:
                return None
            models = known if name is None else [name]
            parts = []
            for part in report_parts(standing, snapshot, models):
                parts.append(part)
                await asyncio.sleep(0)
            return report_page(parts, models)
