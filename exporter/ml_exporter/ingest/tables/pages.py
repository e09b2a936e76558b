"""Footer and page headers of a Parquet file, read before anything is decompressed.

pyarrow reads a file well, but telling of it can end the process: where C++ throws while Python asks for what the
footer says of a column, nobody catches it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

_STRUCT, _DEPTH = 12, 16
_TAIL = 8


@dataclass(frozen=True, slots=True)
class Chunk:
    """Where the pages of a column of a row group begin, and how many values they hold."""

    begin: int
    values: int


@dataclass(frozen=True, slots=True)
class RowGroup:
    """The number of rows of a row group, and its columns in the order of the schema."""

    rows: int
    columns: list[Chunk]


@dataclass(frozen=True, slots=True)
class Page:
    """What a page's header says: its kind, sizes, values, encoding, and where the next header begins."""

    kind: int
    decompressed: int
    values: int
    encoding: int
    end: int


DATA, DICTIONARY, DATA_2 = 0, 2, 3
_HEADER_OF: Final = {DATA: 5, DICTIONARY: 7, DATA_2: 8}
_ENCODING_OF: Final = {DATA: 2, DICTIONARY: 2, DATA_2: 4}


def read_footer(data: bytes, largest: int) -> list[RowGroup]:
    """Return the row groups of a file; ValueError or IndexError if there are none to be read.

    The last eight bytes are the length of the footer and ``PAR1``. The footer is a struct: 4 the row groups, and
    of each 1 the columns and 3 the number of rows; of a column 3 a struct: 5 the number of values, 9 where its
    data begin, 11 where its dictionary does, if it has one.
    """
    length = int.from_bytes(data[-_TAIL:-4], "little")
    if data[-4:] != b"PAR1" or length > len(data) - _TAIL:
        raise ValueError("no footer at its end")
    if length > largest:
        raise ValueError(f"a footer of more than {largest} bytes")
    footer, _ = _struct(data, len(data) - _TAIL - length, _DEPTH)
    return [
        RowGroup(_count(group.get(3)), [_chunk(column.get(3)) for column in group.get(1, [])])
        for group in footer.get(4, [])
    ]


def _chunk(about: Any) -> Chunk:
    begin, dictionary = _count(about.get(9)), about.get(11)
    # The reader takes the dictionary where it lies before the data, and nowhere else.
    if isinstance(dictionary, int) and 0 < dictionary < begin:
        begin = dictionary
    return Chunk(begin, _count(about.get(5)))


def _count(number: Any) -> int:
    if not isinstance(number, int) or number < 0:
        raise ValueError("a number that is missing or negative")
    return number


def read_page(data: bytes, place: int) -> Page:
    """Return the page whose header begins at ``place``; ValueError or IndexError if there is none.

    A header is a struct of Thrift's compact protocol: 1 the kind, 2 the size decompressed, 3 the size in the
    file, 5, 7 or 8 a struct about the values, whose first field is their number.
    """
    fields, end = _struct(data, place, _DEPTH)
    kind, compressed = fields.get(1, -1), fields.get(3, -1)
    about = fields.get(_HEADER_OF.get(kind, 0), {})
    if not isinstance(about, dict):
        raise ValueError("a page without its values")
    values, encoding = about.get(1, 0), about.get(_ENCODING_OF.get(kind, 0), 0)
    sizes = (kind, compressed, fields.get(2, -1), values, encoding)
    if not all(isinstance(number, int) and number >= 0 for number in sizes):
        raise ValueError("a page without its sizes")
    return Page(kind, fields[2], values, encoding, end + compressed)


def _struct(data: bytes, place: int, depth: int) -> tuple[dict[int, Any], int]:
    if not depth:
        raise ValueError("nested too deeply")
    fields: dict[int, Any] = {}
    field = 0
    while (head := data[place]) != 0:
        place += 1
        if head >> 4:
            field += head >> 4
        else:
            number, place = _varint(data, place)
            field = _unzigzag(number)
        fields[field], place = _value(data, place, head & 15, depth, in_list=False)
    return fields, place + 1


def _value(data: bytes, place: int, kind: int, depth: int, *, in_list: bool) -> tuple[Any, int]:
    if kind in (1, 2):  # in a struct the type is the value
        return kind == 1, place + in_list
    read = _READ.get(kind)
    if read is None:
        raise ValueError(f"a field of type {kind}")
    return read(data, place, depth)


def _integer(data: bytes, place: int, depth: int) -> tuple[Any, int]:
    number, place = _varint(data, place)
    return _unzigzag(number), place


def _binary(data: bytes, place: int, depth: int) -> tuple[Any, int]:
    length, place = _varint(data, place)
    return data[place : place + length], place + length


def _list(data: bytes, place: int, depth: int) -> tuple[Any, int]:
    head, place = data[place], place + 1
    length = head >> 4
    if length == 15:
        length, place = _varint(data, place)
    if not depth:
        raise ValueError("nested too deeply")
    values = []
    for _ in range(length):
        value, place = _value(data, place, head & 15, depth - 1, in_list=True)
        values.append(value)
    return values, place


def _varint(data: bytes, place: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        byte = data[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, place
    raise ValueError("a number that is too long")


def _unzigzag(number: int) -> int:
    return (number >> 1) ^ -(number & 1)


_READ: Final[dict[int, Callable[[bytes, int, int], tuple[Any, int]]]] = {
    3: lambda data, place, depth: (data[place], place + 1),
    **dict.fromkeys((4, 5, 6), _integer),
    7: lambda data, place, depth: (None, place + 8),
    8: _binary,
    **dict.fromkeys((9, 10), _list),
    _STRUCT: lambda data, place, depth: _struct(data, place, depth - 1),
}
