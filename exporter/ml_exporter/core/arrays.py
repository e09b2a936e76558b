"""Array types and the marks that say why a numeric value is not there.

A column of numbers keeps one float64 a row. A row without a usable number holds a NaN whose payload
bits say why: JSON ``null`` or NaN (``MISSING``), no such key in the event (``ABSENT``), a value of
another type (``TYPE_ERROR``), an infinity (``NONFINITE``). Arithmetic never sees the difference; the
counts of the data-quality signals read it from the bits. Any other NaN counts as missing.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
CodeArray = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]
HashArray = npt.NDArray[np.uint64]


def _nan(payload: int) -> float:
    return float(struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_0000_0000 | payload))[0])


MISSING: Final = _nan(0)
ABSENT: Final = _nan(1)
TYPE_ERROR: Final = _nan(2)
NONFINITE: Final = _nan(3)


def payload_of(values: FloatArray) -> IntArray:
    """Return the payload of each NaN in ``values`` (any shape): 1 absent, 2 type error, 3 not finite, else 0."""
    bits = values.view(np.int64) & 0x0007_FFFF_FFFF_FFFF
    return np.where(bits <= 3, bits, 0)


def length_of(text: str) -> float:
    """Return the number of characters of a text; one that is empty is missing, as a CSV file has it.

    >>> length_of("früh"), length_of("")
    (4.0, nan)
    """
    return float(len(text)) if text else MISSING
