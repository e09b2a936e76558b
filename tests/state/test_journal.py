"""Records are whole or not there, wherever a file is cut and whichever byte of it is wrong."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_exporter.state.journal import End, JournalWriter, Record, encode, read_all, write_whole


def record(number: int) -> Record:
    result = Record({"number": number})
    result.attach(np.arange(number * 10))
    return result


def write(path: Path, count: int) -> list[int]:
    """Write records; return the file's size after each."""
    journal = JournalWriter(path)
    sizes = []
    for number in range(count):
        journal.append(record(number))
        sizes.append(journal.size)
    journal.close()
    return sizes


def numbers(records: list[Record]) -> list[int]:
    for item in records:
        assert (item.array(0, np.int64) == np.arange(item.header["number"] * 10)).all()
    return [item.header["number"] for item in records]


def test_a_journal_cut_at_any_byte_keeps_every_whole_record(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    sizes = write(path, 5)
    content = path.read_bytes()
    for length in range(len(content) + 1):
        path.write_bytes(content[:length])
        records, end = read_all(path)
        assert numbers(records) == list(range(sum(size <= length for size in sizes)))
        assert end is (End.WHOLE if length in (0, *sizes) else End.CUT)


def test_a_wrong_byte_anywhere_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    sizes = write(path, 3)
    content = path.read_bytes()
    for place in range(len(content)):
        wrong = bytearray(content)
        wrong[place] ^= 0x55
        path.write_bytes(wrong)
        records, end = read_all(path)
        whole = sum(size <= place for size in sizes)
        assert numbers(records) == list(range(whole))
        assert end is End.DAMAGED


@given(content=st.binary(max_size=200))
def test_foreign_bytes_are_never_taken_for_records(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("journal") / "foreign"
    path.write_bytes(content)
    records, _ = read_all(path)
    assert records == []


def test_a_failed_append_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal"
    journal = JournalWriter(path)
    journal.append(record(1))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fdatasync", full)
    with pytest.raises(OSError, match="No space"):
        journal.append(record(2))
    monkeypatch.undo()
    journal.append(record(3))
    journal.close()
    assert numbers(read_all(path)[0]) == [1, 3]


def test_a_whole_file_replaces_the_old_one_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "snapshot.bin"
    write_whole(path, record(1))

    def fail(*paths: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="Input"):
        write_whole(path, record(2))
    monkeypatch.undo()
    assert numbers(read_all(path)[0]) == [1]
    assert encode(record(1)) == path.read_bytes()
