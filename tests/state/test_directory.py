"""The state directory: one process, two generations, and no way to keep the sidecar from starting."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml_exporter.core.errors import StateError
from ml_exporter.state.directory import StateDirectory
from ml_exporter.state.journal import Record


def numbers(records: list[Record]) -> list[int]:
    return [record.header["n"] for record in records]


def run(path: Path, ticks: range, snapshots: tuple[int, ...] = (), *, complete: bool = True) -> None:
    """Be a sidecar for some ticks: a snapshot holds the number of the last tick."""
    directory = StateDirectory(path)
    found = directory.recover()
    last = found.snapshot.header["n"] if found.snapshot else -1
    directory.snapshot(Record({"n": max([last, *numbers(found.records)])}))
    for tick in ticks:
        directory.append(Record({"n": tick}))
        if tick in snapshots:
            directory.snapshot(Record({"n": tick}), complete=complete)
    directory.close()


def recover(path: Path) -> tuple[int | None, list[int], bool, list[str]]:
    directory = StateDirectory(path)
    found = directory.recover()
    directory.close()
    return (
        found.snapshot.header["n"] if found.snapshot else None,
        numbers(found.records),
        found.trusted,
        found.notes,
    )


def test_a_fresh_directory_is_empty_and_trusted(tmp_path: Path) -> None:
    assert recover(tmp_path / "new" / "state") == (None, [], True, [])


def test_a_snapshot_and_the_journal_after_it_come_back(tmp_path: Path) -> None:
    run(tmp_path, range(10), snapshots=(3, 6))
    assert recover(tmp_path) == (6, [7, 8, 9], True, [])


def test_two_generations_are_kept(tmp_path: Path) -> None:
    run(tmp_path, range(30), snapshots=(3, 6, 9, 20))
    assert len(list(tmp_path.glob("snapshot-*.bin"))) == 2
    assert len(list(tmp_path.glob("journal-*.log"))) == 2


def test_with_a_damaged_snapshot_the_one_before_and_its_journal_give_the_same(tmp_path: Path) -> None:
    run(tmp_path, range(10), snapshots=(3, 6))
    newest = max(tmp_path.glob("snapshot-*.bin"))
    content = newest.read_bytes()
    for length in range(len(content)):
        newest.write_bytes(content[:length])
        snapshot, records, trusted, notes = recover(tmp_path)
        assert (snapshot, records, trusted) == (3, [4, 5, 6, 7, 8, 9], True)
        assert notes == [f"{newest.name} is damaged; kept as {newest.name}.unreadable"]
        os.replace(tmp_path / f"{newest.name}.unreadable", newest)


def test_a_journal_that_is_not_complete_gives_the_windows_but_no_counters(tmp_path: Path) -> None:
    run(tmp_path, range(10), snapshots=(3, 6), complete=False)
    max(tmp_path.glob("snapshot-*.bin")).write_bytes(b"damaged")
    snapshot, records, trusted, notes = recover(tmp_path)
    assert (snapshot, records, trusted) == (3, [4, 5, 6, 7, 8, 9], False)
    assert notes[1].endswith("is not complete: counters begin at 0")


def test_only_the_owner_may_read_the_files(tmp_path: Path) -> None:
    run(tmp_path, range(3), snapshots=(1,))
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}


def test_a_cut_journal_loses_only_the_tick_that_was_not_confirmed(tmp_path: Path) -> None:
    run(tmp_path, range(5), snapshots=(1,))
    journal = max(tmp_path.glob("journal-*.log"))
    journal.write_bytes(journal.read_bytes()[:-3])
    assert recover(tmp_path) == (1, [2, 3], True, [])


def test_a_damaged_journal_is_kept_aside_and_counters_are_not_trusted(tmp_path: Path) -> None:
    run(tmp_path, range(5), snapshots=(1,))
    journal = max(tmp_path.glob("journal-*.log"))
    content = bytearray(journal.read_bytes())
    content[len(content) // 2] ^= 1
    journal.write_bytes(content)
    snapshot, records, trusted, notes = recover(tmp_path)
    assert (snapshot, records, trusted) == (1, [2], False)
    assert notes == [
        f"{journal.name} is damaged after 1 records, which were used; kept as {journal.name}.unreadable"
    ]


def test_foreign_files_are_kept_aside(tmp_path: Path) -> None:
    run(tmp_path, range(3))
    for path in tmp_path.glob("snapshot-*.bin"):
        path.write_text("something else altogether")
    snapshot, records, trusted, notes = recover(tmp_path)
    assert (snapshot, records, trusted) == (None, [], False)
    assert notes[-1] == "no readable snapshot is left: the state begins anew"
    assert list(tmp_path.glob("*.unreadable"))
    run(tmp_path, range(3, 6))
    assert recover(tmp_path)[1] == [3, 4, 5]


def test_a_run_that_was_ahead_of_its_files_is_not_trusted(tmp_path: Path) -> None:
    run(tmp_path, range(3))
    directory = StateDirectory(tmp_path)
    directory.recover()
    directory.set_ahead(True)
    directory.close()
    _, records, trusted, notes = recover(tmp_path)
    assert (records, trusted) == ([0, 1, 2], False)
    assert notes == ["the last run could not write its state: counters begin at 0"]


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ml_exporter.state.directory import StateDirectory\n"
        f"StateDirectory(Path({str(tmp_path)!r})); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StateError, match=f"in use by process {holder.pid}; give each its own"):
            StateDirectory(tmp_path)
        holder.kill()
        holder.wait()
        StateDirectory(tmp_path).close()
    finally:
        holder.kill()
        holder.communicate()


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="Not a directory"):
        StateDirectory(tmp_path / "file" / "state")
