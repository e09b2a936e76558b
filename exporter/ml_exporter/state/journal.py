"""Records in files: each whole or not there at all, however the process ended.

A record is a 4-byte length, its CRC-32, the CRC-32 of the content, and the content: a JSON header of 4-byte
length, then blobs. The length has a checksum of its own: a damaged one must not look like a torn end.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson
from isal import isal_zlib

_FRAME: Final = struct.Struct("<III")
_LENGTH: Final = struct.Struct("<I")


@dataclass(slots=True)
class Record:
    """A JSON header, and arrays that it refers to by number."""

    header: dict[str, Any]
    blobs: list[bytes] = field(default_factory=list)

    def attach(self, array: npt.NDArray[Any]) -> int:
        """Add the content of an array, compressed; return its number."""
        return self.attach_bytes(array.tobytes())

    def attach_bytes(self, content: bytes) -> int:
        """Add bytes, compressed; return their number."""
        self.blobs.append(isal_zlib.compress(content, 1))
        return len(self.blobs) - 1

    def content(self, number: int) -> bytes:
        """Return the bytes attached under ``number``."""
        content: bytes = isal_zlib.decompress(self.blobs[number])
        return content

    def array(self, number: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Return the one-dimensional array attached under ``number``, writable."""
        return np.frombuffer(self.content(number), dtype).copy()


def encode(record: Record) -> bytes:
    """Return the record as it stands in a file."""
    header = orjson.dumps({**record.header, "blobs": [len(blob) for blob in record.blobs]})
    content = b"".join([_LENGTH.pack(len(header)), header, *record.blobs])
    return _FRAME.pack(len(content), _checksum(len(content)), zlib.crc32(content)) + content


def _checksum(length: int) -> int:
    return zlib.crc32(_LENGTH.pack(length))


class End(Enum):
    """How a file of records ends."""

    WHOLE = "whole"
    CUT = "cut"
    """Within a record: the process ended while it wrote, before anything of the record was exposed."""
    DAMAGED = "damaged"
    """At a record of full length whose checksum is wrong; what follows it is not read."""


def read_all(path: Path) -> tuple[list[Record], End]:
    """Return the records of a file up to its end or the first unreadable one, and which it was."""
    content = memoryview(path.read_bytes())
    records: list[Record] = []
    while content:
        if len(content) < _FRAME.size:
            return records, End.CUT
        length, length_checksum, checksum = _FRAME.unpack_from(content)
        body = content[_FRAME.size : _FRAME.size + length]
        if _checksum(length) != length_checksum:
            return records, End.DAMAGED
        if len(body) < length:
            return records, End.CUT
        if zlib.crc32(body) != checksum:
            return records, End.DAMAGED
        records.append(_decode(body))
        content = content[_FRAME.size + length :]
    return records, End.WHOLE


def _decode(body: memoryview) -> Record:
    (size,) = _LENGTH.unpack_from(body)
    start = _LENGTH.size + size
    header = orjson.loads(body[_LENGTH.size : start])
    blobs = []
    for length in header.pop("blobs"):
        blobs.append(bytes(body[start : start + length]))
        start += length
    return Record(header, blobs)


class JournalWriter:
    """Appends records to a file, each seen to the disk before the next."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "ab", buffering=0, opener=private)  # noqa: SIM115 - close() ends it
        try:
            sync_folder(path)
        except OSError:
            self._file.close()
            raise
        self.size = self._file.tell()

    def append(self, record: Record) -> None:
        """Write a record; OSError if it could not be written whole, and then nothing of it stays."""
        data = encode(record)
        try:
            written = self._file.write(data)
            if written != len(data):
                raise OSError(f"wrote {written} of {len(data)} bytes")
            os.fdatasync(self._file.fileno())
        except OSError:
            self._file.truncate(self.size)
            self._file.seek(self.size)
            raise
        self.size += len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def write_whole(path: Path, record: Record) -> None:
    """Write a file of one record so that it is there whole or not at all, even after a power cut."""
    partial = path.with_suffix(".partial")
    with open(partial, "wb", opener=private) as file:
        file.write(encode(record))
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    sync_folder(path)


def private(path: str, flags: int) -> int:
    """Open a file that only its owner may read: an opener for :func:`open`."""
    return os.open(path, flags, 0o600)


def sync_folder(path: Path) -> None:
    """See to it that a new name of a file survives a power cut."""
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
