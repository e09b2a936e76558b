"""Predictions of one stretch of time, found by the hash of their id."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml_exporter.core.arrays import BoolArray, FloatArray, HashArray, IntArray

_FIRST_ROWS: Final = 1024
_SCORE_STEPS: Final = 2**32 - 2

LOAD: Final = 0.5
"""Share of the table's places that are taken at most (chosen: most ids are then found in one window)."""

PROBES: Final = 8
"""Places looked at together: half a cache line."""

_STEPS: Final = np.arange(PROBES)


def row_type(scored_classes: int, segments: int = 0) -> np.dtype[Any]:
    """Return the type of a row: 28 bytes, four for each class whose score is kept, and one for each segment.

    ``value`` is the score of the positive class or the value a regression predicts, ``time`` the second of
    the prediction, ``version`` the number of its version, ``predicted`` its class + 1, 0 for none.
    """
    fields: list[Any] = [
        ("hash", "<u8"),
        ("value", "<f8"),
        ("time", "<f8"),
        ("version", "<u2"),
        ("predicted", "<u2"),
    ]
    if scored_classes:
        fields.append(("scores", "<u4", (scored_classes,)))
    if segments:
        fields.append(("segments", "u1", (segments,)))
    return np.dtype(fields)


def packed_scores(scores: FloatArray) -> npt.NDArray[np.uint32]:
    """Return scores between 0 and 1, or NaN, in four bytes each."""
    packed: npt.NDArray[np.uint32] = np.nan_to_num(np.rint(scores * _SCORE_STEPS) + 1.0, nan=0.0).astype(np.uint32)
    return packed


def unpacked_scores(packed: npt.NDArray[np.uint32]) -> FloatArray:
    """Return the scores to nine digits: one of few digits is what it was, and on its side of a bin's edge."""
    scores: FloatArray = np.where(packed == 0, np.nan, np.round((packed - 1.0) / _SCORE_STEPS, 9))
    return scores


class Marks:
    """Which rows of a generation have had something: a byte a row from the first one on, nothing before."""

    def __init__(self) -> None:
        self.count = 0
        self.new: list[IntArray] = []
        self._flags: BoolArray = np.zeros(0, bool)

    def of(self, numbers: IntArray) -> BoolArray:
        """Return which of the given rows are marked; later ones than there are places for are not."""
        found = np.zeros(len(numbers), bool)
        known = numbers < len(self._flags)
        found[known] = self._flags[numbers[known]]
        return found

    def add(self, numbers: IntArray, room: int) -> None:
        """Mark the given rows, distinct and not marked yet, of a generation with ``room`` for rows."""
        self.reach(room)
        self._flags[numbers] = True
        self.count += len(numbers)
        self.new.append(numbers)

    def reach(self, room: int) -> None:
        """Have a place for so many rows."""
        if len(self._flags) < room:
            self._flags = _grown(self._flags, np.zeros(room, bool))

    def grow(self, room: int) -> None:
        """Have a place for so many rows if any is marked."""
        if len(self._flags):
            self.reach(room)

    def trim(self, rows: int) -> None:
        """Keep a place for no more than the given rows."""
        self._flags = self._flags[:rows].copy()

    def bits(self, rows: int) -> bytes:
        """Return one bit for each of the rows, set where it is marked."""
        flags = np.zeros(rows, bool)
        known = self._flags[:rows]
        flags[: len(known)] = known
        return np.packbits(flags).tobytes()

    def restore(self, bits: bytes, rows: int, room: int) -> None:
        """Set the marks as :meth:`bits` returned them."""
        self.reach(room)
        self._flags[:rows] = np.unpackbits(np.frombuffer(bits, np.uint8), count=rows).astype(bool)
        self.count = int(np.count_nonzero(self._flags))


class Generation:
    """An append-only list of rows with an open-addressed table from hash to row.

    Rows live in memory while the generation is open and are read from its file once it is sealed; the
    table and a mark for each labelled row stay in memory: 9 to 17 bytes an id, one more once there is feedback.
    A batch is looked up and inserted with array operations: in each round every row that is not done yet probes
    a window of places.
    """

    def __init__(self, number: int, opened: float, rows: npt.NDArray[Any]) -> None:
        self.number = number
        self.opened = opened
        self.closed: float | None = None
        self.count = 0
        self.saved = 0
        self.labelled = Marks()
        self.rated = Marks()
        self._rows = rows
        self._table: npt.NDArray[np.uint32] = np.zeros(0, np.uint32)
        self._grow_table(max(len(rows), _FIRST_ROWS))

    @classmethod
    def empty(cls, number: int, opened: float, dtype: np.dtype[Any]) -> Generation:
        """Return a new generation for rows of ``dtype``."""
        return cls(number, opened, np.zeros(_FIRST_ROWS, dtype))

    @classmethod
    def load(cls, number: int, opened: float, path: Path, count: int, dtype: np.dtype[Any]) -> Generation:
        """Return a generation with the first ``count`` rows of ``path``; OSError or ValueError if it has fewer."""
        rows = np.fromfile(path, dtype, count)
        if len(rows) < count:
            raise ValueError(f"{path}: holds {len(rows)} rows, {count} were written")
        generation = cls(
            number, opened, np.resize(rows, max(count, _FIRST_ROWS)) if count else np.zeros(_FIRST_ROWS, dtype)
        )
        generation.count = generation.saved = count
        generation._insert(rows["hash"], np.arange(count, dtype=np.uint32))
        return generation

    @property
    def unlabelled(self) -> int:
        """The number of rows that have had no label."""
        return self.count - self.labelled.count

    @property
    def room(self) -> int:
        """The number of rows that there is memory for."""
        return len(self._rows)

    def find(self, hashes: HashArray) -> IntArray:
        """Return the row of each hash, -1 where there is none; (hashes,)."""
        found = np.full(len(hashes), -1, np.int64)
        if not self.count:
            return found
        slots = self._home(hashes)
        todo = self._table[slots].nonzero()[0]  # most new ids have a free home, and are done
        slots = slots[todo]
        while len(todo):
            entries = self._window(slots)
            # An id lies before the first free place of its window, or beyond a window without one.
            reached = np.logical_and.accumulate(entries != 0, axis=1)
            asker, place = np.nonzero(reached)
            rows = entries[asker, place].astype(np.int64) - 1
            hit = self._rows["hash"][rows] == hashes[todo[asker]]
            found[todo[asker[hit]]] = rows[hit]
            again = reached[:, -1] & (found[todo] < 0)
            todo, slots = todo[again], slots[again] + PROBES
        return found

    def append(self, rows: npt.NDArray[Any]) -> None:
        """Add rows whose hashes are new and distinct."""
        end = self.count + len(rows)
        if end > len(self._rows):
            size = max(end, 2 * len(self._rows))
            self._rows = _grown(self._rows[: self.count], np.empty(size, self._rows.dtype))
            self.labelled.grow(size)
            self.rated.grow(size)
        self._rows[self.count : end] = rows
        if end > LOAD * len(self._table):
            self._grow_table(end)
            self._insert(self._rows["hash"][: self.count], np.arange(self.count, dtype=np.uint32))
        self._insert(rows["hash"], np.arange(self.count, end, dtype=np.uint32))
        self.count = end

    def rows(self, numbers: IntArray) -> npt.NDArray[Any]:
        """Return the rows of the given numbers."""
        return self._rows[numbers]

    def unsaved(self) -> bytes:
        """Return the rows that are not in the file yet."""
        return self._rows[self.saved : self.count].tobytes()

    def seal(self, closed: float, path: Path | None) -> None:
        """Take no more rows; read them from ``path`` from now on if all are there."""
        self.closed = closed
        if path is not None and self.saved == self.count:
            self.read_from(path)
        else:
            self._rows = self._rows[: self.count].copy()
        self.labelled.trim(self.count)
        self.rated.trim(self.count)

    def read_from(self, path: Path) -> None:
        """Read the rows from their file from now on, where the kernel keeps in memory what is used."""
        if self.count:
            self._rows = np.memmap(path, self._rows.dtype, "r", shape=(self.count,))

    def _grow_table(self, rows: int) -> None:
        size = 1 << int(np.ceil(np.log2(max(rows, 1) / LOAD)))
        self._table = np.zeros(size, np.uint32)

    def _home(self, hashes: HashArray) -> IntArray:
        return (hashes & np.uint64(len(self._table) - 1)).astype(np.int64)

    def _window(self, slots: IntArray) -> npt.NDArray[np.uint32]:
        """Return the entries of some places in a row from each slot on, (slots, PROBES)."""
        window: npt.NDArray[np.uint32] = self._table[(slots[:, None] + _STEPS) & (len(self._table) - 1)]
        return window

    def _insert(self, hashes: HashArray, rows: npt.NDArray[np.uint32]) -> None:
        mask = len(self._table) - 1
        slots = self._home(hashes)
        entries = rows + np.uint32(1)
        # Where two want one place the last writer has it; the others look again.
        at_home = self._table[slots] == 0
        self._table[slots[at_home]] = entries[at_home]
        lost = self._table[slots] != entries
        slots, entries = slots[lost], entries[lost]
        while len(slots):
            free = self._window(slots) == 0
            place = (slots + free.argmax(axis=1)) & mask
            has_free = free.any(axis=1)
            self._table[place[has_free]] = entries[has_free]
            lost = ~has_free | (self._table[place] != entries)
            slots = np.where(has_free, slots, slots + PROBES)[lost]
            entries = entries[lost]


def _grown(rows: npt.NDArray[Any], larger: npt.NDArray[Any]) -> npt.NDArray[Any]:
    larger[: len(rows)] = rows
    return larger
