"""JSON as senders really write it."""

from __future__ import annotations

import json
from typing import Any

import msgspec


def loads(text: bytes) -> Any:
    """Return the object that ``text`` stands for; ValueError says why it is not JSON.

    Beyond strict JSON it reads what writers in the wild produce: NaN, Infinity, numbers too large for a
    float, which become the infinities, and a byte order mark.

    >>> loads(b'{"a": NaN, "b": 1e999}')
    {'a': nan, 'b': inf}
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        strict = error
    except RecursionError:
        raise ValueError("nested too deeply") from None
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError:
        raise ValueError(str(strict)) from None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 300 else float(digits)
