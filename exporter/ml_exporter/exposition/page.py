"""The page: the last snapshot's samples, kept as bytes, and the live ones of the exporter itself."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from isal import isal_zlib

from ml_exporter.core.metrics import Block, Collector
from ml_exporter.exposition.render import Format, Renderer

log = logging.getLogger(__name__)

_GZIP: Final = 31


@dataclass(slots=True)
class _Rendered:
    blocks: Sequence[Block]
    plain: dict[Format, bytes] = field(default_factory=dict)
    packed: dict[Format, bytes] = field(default_factory=dict)


class Page:
    """Renders a published snapshot at the first scrape that asks for it and then keeps the bytes.

    ``live`` collectors are asked at every scrape; their families must not occur in snapshots. A scrape
    waits for nobody: what it reads was published whole by another thread.
    """

    def __init__(self, live: Sequence[Collector]) -> None:
        self._live = live
        self._renderers = {format: Renderer(format) for format in Format}
        self._live_renderers = {format: Renderer(format) for format in Format}
        self._current = _Rendered(())

    def publish(self, blocks: Sequence[Block]) -> None:
        """Replace the snapshot; callable from any thread."""
        self._current = _Rendered(blocks)

    @property
    def blocks(self) -> Sequence[Block]:
        """The samples of the last snapshot."""
        return self._current.blocks

    def render(self, format: Format, *, gzip: bool) -> bytes:
        """Return the whole page, gzipped on demand; called from one thread."""
        current = self._current
        if format not in current.plain:
            body = self._renderers[format].render(current.blocks)
            current.plain[format] = body.removesuffix(b"# EOF\n")
        live = self._live_renderers[format].render(self.live())
        if not gzip:
            return current.plain[format] + live
        if format not in current.packed:
            current.packed[format] = isal_zlib.compress(current.plain[format], 1, _GZIP)
        # Two gzip members one after the other are one valid gzip stream (RFC 1952, section 2.2).
        packed: bytes = current.packed[format] + isal_zlib.compress(live, 1, _GZIP)
        return packed

    def live(self) -> list[Block]:
        """Return the samples of now that are in no snapshot; called from one thread."""
        blocks: list[Block] = []
        for collector in self._live:
            try:
                blocks += collector.collect()
            except Exception:
                log.exception("live metrics failed", extra={"collector": collector.key})
        return blocks
