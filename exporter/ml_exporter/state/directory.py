"""The state directory: one process at a time, snapshots, and the journal of what came after each."""

from __future__ import annotations

import fcntl
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ml_exporter.core.errors import StateError
from ml_exporter.state.journal import End, JournalWriter, Record, read_all, write_whole

FORMAT: Final = "ml-exporter-state/1"
COMPLETE: Final = "complete"
"""Key of the record that ends a journal."""


@dataclass(slots=True)
class Recovered:
    """What an earlier run left.

    ``trusted`` tells that every number exposed by that run is contained, so that counters may go on;
    otherwise they must begin at 0. ``notes`` says in sentences what was wrong.
    """

    snapshot: Record | None = None
    records: list[Record] = field(default_factory=list)
    trusted: bool = True
    notes: list[str] = field(default_factory=list)


class StateDirectory:
    """Snapshots of the whole state and, for each, a journal of the ticks since.

    ``snapshot-N`` holds the state after all of ``journal-(N-1)``; two generations are kept, so that with a
    damaged newest snapshot the one before it and its journal give the same state, if that journal ends with
    the mark that it is complete; else counters begin at 0. Files that cannot be read are set aside with the
    suffix ``.unreadable``, never deleted, and never keep the sidecar from starting.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StateError(f"state directory {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._lock, 32, 1).decode("ascii", "replace").strip() or "unknown"
            os.close(self._lock)
            raise StateError(f"state directory {path} is in use by process {holder}; give each its own") from None
        self._ahead = os.pread(self._lock, 1, 0) == b"!"
        os.pwrite(self._lock, (b"!" if self._ahead else b".") + f"{os.getpid():<31}".encode(), 0)
        self._number = 0
        self._journal: JournalWriter | None = None

    def recover(self) -> Recovered:
        """Return what is left of earlier runs; the first thing to write after it is a snapshot."""
        found = Recovered(trusted=not self._ahead)
        if self._ahead:
            found.notes.append("the last run could not write its state: counters begin at 0")
        snapshots, journals = self._numbers("snapshot", "bin"), self._numbers("journal", "log")
        first = 0
        for number in sorted(snapshots, reverse=True):
            record = self._read_snapshot(number, found)
            if record is not None:
                found.snapshot, first = record, number
                break
        else:
            if snapshots or journals:
                found.trusted = False
                found.notes.append("no readable snapshot is left: the state begins anew")
                journals.clear()
        newest = max(snapshots, default=0)
        for number in sorted(number for number in journals if number >= first):
            complete = self._read_journal(number, found)
            if number < newest and not complete:
                found.trusted = False
                found.notes.append(f"journal {number} is not complete: counters begin at 0")
        self._number = max([*snapshots, *self._numbers("journal", "log")], default=0)
        return found

    @property
    def journal_bytes(self) -> int:
        """The size of the journal since the last snapshot."""
        return self._journal.size if self._journal is not None else 0

    def append(self, record: Record) -> None:
        """Write the changes of one tick; OSError if that fails."""
        assert self._journal is not None, "a snapshot comes first"
        self._journal.append(record)

    def snapshot(self, record: Record, *, complete: bool = False) -> None:
        """Write the whole state, begin a new journal and delete what is older than the last snapshot.

        ``complete`` tells that the journal so far leads from the last snapshot to this one.
        """
        if complete and self._journal is not None:
            self._journal.append(Record({COMPLETE: True}))
        number = self._number + 1
        write_whole(
            self._file("snapshot", number, "bin"), Record({"format": FORMAT, **record.header}, record.blobs)
        )
        journal = JournalWriter(self._file("journal", number, "log"))
        if self._journal is not None:
            self._journal.close()
        self._journal, self._number = journal, number
        for kind, suffix in (("snapshot", "bin"), ("journal", "log")):
            for old in self._numbers(kind, suffix):
                if old < number - 1:
                    self._file(kind, old, suffix).unlink(missing_ok=True)

    def set_ahead(self, ahead: bool) -> None:
        """Note whether numbers have been exposed that are not on disk; written in place, needing no space."""
        if ahead != self._ahead:
            os.pwrite(self._lock, b"!" if ahead else b".", 0)
            self._ahead = ahead

    def close(self) -> None:
        """Close the journal and let another process in."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        os.close(self._lock)

    def _read_snapshot(self, number: int, found: Recovered) -> Record | None:
        path = self._file("snapshot", number, "bin")
        records, end = self._read(path, found)
        if len(records) == 1 and end is End.WHOLE and records[0].header.get("format") == FORMAT:
            return records[0]
        foreign = bool(records) and records[0].header.get("format") != FORMAT
        self._set_aside(path, "is of another format" if foreign else "is damaged", found)
        return None

    def _read_journal(self, number: int, found: Recovered) -> bool:
        """Add the records of a journal; return whether it leads up to the next snapshot."""
        path = self._file("journal", number, "log")
        records, end = self._read(path, found)
        complete = bool(records) and COMPLETE in records[-1].header
        found.records += records[:-1] if complete else records
        if end is End.DAMAGED:
            found.trusted = False
            self._set_aside(path, f"is damaged after {len(records)} records, which were used", found)
        return complete

    def _read(self, path: Path, found: Recovered) -> tuple[list[Record], End]:
        try:
            return read_all(path)
        except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
            found.notes.append(f"{path.name}: {error}")
            return [], End.DAMAGED

    def _set_aside(self, path: Path, why: str, found: Recovered) -> None:
        aside = path.with_name(path.name + ".unreadable")
        os.replace(path, aside)
        found.notes.append(f"{path.name} {why}; kept as {aside.name}")

    def _numbers(self, kind: str, suffix: str) -> set[int]:
        names = [path.stem.removeprefix(f"{kind}-") for path in self.path.glob(f"{kind}-*.{suffix}")]
        return {int(name) for name in names if name.isdigit()}

    def _file(self, kind: str, number: int, suffix: str) -> Path:
        return self.path / f"{kind}-{number:08d}.{suffix}"
