"""JSON Pointer: the examples of RFC 6901, and what points nowhere."""

import re
from typing import Any

import pytest

from ml_exporter.core.json_pointer import PATTERN, resolve

DOCUMENT = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
    "~1": 9,
}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
        ("/~01", 9),
    ],
)
def test_the_examples_of_the_standard(pointer: str, value: Any) -> None:
    assert re.fullmatch(PATTERN, pointer)
    assert resolve(pointer, DOCUMENT) == value


@pytest.mark.parametrize(
    "pointer", ["/no", "/foo/2", "/foo/-", "/foo/-1", "/foo/01", "/foo/x", "/foo/0/0", "/ /0"]
)
def test_what_points_nowhere(pointer: str) -> None:
    assert re.fullmatch(PATTERN, pointer)
    with pytest.raises(LookupError):
        resolve(pointer, DOCUMENT)


@pytest.mark.parametrize("text", ["", "foo", "foo/0", "/a~b", "/a~", "#/foo"])
def test_what_is_no_pointer(text: str) -> None:
    assert not re.fullmatch(PATTERN, text)
