"""The text of numbers, which must neither lose a digit nor reach beyond the memory that it is written into."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_exporter.exposition.render import digits_of

LONG = """
import sys
import numpy as np
from ml_exporter.exposition.render import digits_of

for number in (-1.2345678901234567e-05, -1.2345678901234567e-100, -2.2250738585072014e-308):
    for count in range(100, 400):
        found = digits_of(np.full(count, number))
        assert len(found) == count and float(found[-1]) == number
sys.stdout.write("whole")
"""


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_every_number_is_read_back_as_it_was(numbers: list[float]) -> None:
    assert [float(digits) for digits in digits_of(np.array(numbers, np.float64))] == numbers


@pytest.mark.parametrize("number", [-(2**63), 2**63 - 1, 0])
def test_whole_numbers_have_no_point(number: int) -> None:
    assert digits_of(np.array([number, 1], np.int64)) == [str(number).encode(), b"1"]


def test_many_long_texts_do_not_end_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", LONG], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "whole", "")
