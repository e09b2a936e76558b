"""What the protocols of typed columns have in common: there is one reading, and it needs pyarrow."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

from ml_exporter.core.errors import PayloadError
from ml_exporter.ingest.events import EventTypes, Label
from ml_exporter.ingest.protocols.protocol import Bounds, NoTypedReading, Table
from ml_exporter.ingest.reasons import UNSUPPORTED

_PROMPT_BYTES: Final = 4 << 20
"""Body up to which good columns do not hold up the others (chosen: a few milliseconds)."""


class Tabular:
    """A protocol of typed columns; pyarrow, which it needs, is loaded with the first such body."""

    content_types: ClassVar[tuple[str, ...]]

    def predictions(self, body: bytes, types: EventTypes) -> Sequence[Any]:
        """Leave all to :meth:`items`, which reads columns as fast and tells what is wrong with them."""
        raise NoTypedReading

    def labels(self, body: bytes) -> Sequence[Label]:
        """Leave all to :meth:`items`."""
        raise NoTypedReading

    def items(self, body: bytes, bounds: Bounds) -> Iterator[Any]:
        """Yield the one table; PayloadError if the body is none, or holds too much."""
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise PayloadError(
                UNSUPPORTED,
                f'Content-Type "{self.content_types[0]}" needs pyarrow, which is not installed beside this'
                " exporter: install ml-exporter[arrow], or send JSON",
            ) from None
        yield self.table(body, bounds)

    def table(self, body: bytes, bounds: Bounds) -> Table:
        """Return the table in the body."""
        raise NotImplementedError

    def prompt(self, body: bytes) -> bool:
        """Return whether a good body of this size is read in a moment; not before pyarrow is loaded."""
        return len(body) <= _PROMPT_BYTES and "pyarrow.compute" in sys.modules

    def quick(self, body: bytes) -> bool:
        """Return that what was not read in a hurry takes its time."""
        return False

    def objects(self, body: bytes) -> int:
        """Return that there are none: a table is read into as many objects as it has columns."""
        return 0
