"""JSON Pointer."""

from __future__ import annotations

import re
from typing import Any, Final

PATTERN: Final = r"(?:/(?:[^~/]|~[01])*)+"
"""Every pointer but the empty one, which is the whole document."""


def resolve(pointer: str, document: Any) -> Any:
    """Return the value at ``pointer``, which fits :data:`PATTERN`; LookupError if there is none.

    Reference: RFC 6901.

    >>> resolve("/status/0/a~1b", {"status": [{"a/b": 5}]})
    5
    """
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list) and re.fullmatch("0|[1-9][0-9]*", name):
            document = document[int(name)]
        elif isinstance(document, dict):
            document = document[name]
        else:
            raise LookupError(name)
    return document
