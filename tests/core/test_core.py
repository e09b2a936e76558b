"""Value types: durations, sizes, names, clocks, marks, errors."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_exporter.core.arrays import ABSENT, MISSING, NONFINITE, TYPE_ERROR, payload_of
from ml_exporter.core.clock import ManualClock, SystemClock
from ml_exporter.core.errors import ConfigError, Problem, nearest
from ml_exporter.core.schema import CategoricalVariable, NumericVariable
from ml_exporter.core.text import (
    category_name,
    format_duration,
    label_value,
    parse_duration,
    parse_size,
    printable,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("7d", 604800), ("2w", 1209600)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m5", "5 m", "-5m", "1.5h", "5mm", "5min"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@given(seconds=st.integers(1, 10**7))
def test_durations_are_written_as_they_are_read(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "count"), [("512", 512), ("1B", 1), ("2KiB", 2048), ("16 MiB", 1 << 24), ("1GiB", 1 << 30)]
)
def test_sizes(text: str, count: int) -> None:
    assert parse_size(text) == count


@pytest.mark.parametrize("text", ["", "MiB", "1MB", "-1", "1.5GiB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


def test_marks_keep_their_reason_and_are_not_numbers() -> None:
    marks = np.array([MISSING, ABSENT, TYPE_ERROR, NONFINITE, np.nan, -np.nan])
    assert np.isnan(marks).all()
    assert payload_of(marks).tolist() == [0, 1, 2, 3, 0, 0]


@given(value=st.integers(-(10**9), 10**9))
def test_whole_numbers_are_one_category_as_int_float_and_text(value: int) -> None:
    assert category_name(value) == category_name(float(value)) == category_name(str(value))


def test_bins_have_readable_unique_labels() -> None:
    edges = np.array([1.0000001, 1.0000002, 5.0])
    variable = NumericVariable("x", edges, np.arange(4))
    assert variable.bin_labels() == (
        *("(-Inf, 1.0000001)", "[1.0000001, 1.0000002)", "[1.0000002, 5)", "[5, +Inf)"),
    )
    assert NumericVariable("x", np.zeros(0), np.zeros(1, int)).bin_labels() == ("(-Inf, +Inf)",)
    assert NumericVariable("x", edges, np.arange(4), sensitive=True).bin_labels() == ("b01", "b02", "b03", "b04")
    names = ("a", "other", "missing")
    assert CategoricalVariable("x", names).bin_labels() == ("a", '"other"', '"missing"')
    assert CategoricalVariable("x", names, sensitive=True).bin_labels() == ("c01", "c02", "c03")


def test_the_steady_clock_follows_time_and_not_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    before = clock.steady()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    assert clock.wall() == now - 3600
    assert 0 <= clock.steady() - before < 60
    manual = ManualClock(5.0)
    manual.advance(2.5)
    assert manual.wall() == manual.steady() == 7.5


def test_errors_say_where_and_list_everything() -> None:
    error = ConfigError("file.yml", [Problem("a.b", "is wrong", 3), Problem("", "is empty")])
    assert str(error) == "file.yml: 2 problems\n  line 3: a.b: is wrong\n  is empty"
    assert nearest("windos", ["windows", "models"]) == '; did you mean "windows"?'
    assert nearest("zzz", ["windows"]) == ""


def test_text_for_answers_is_short_and_printable() -> None:
    assert printable("a\nb\x00\ud800") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}?"
    assert len(printable("x" * 1000)) == 300
    assert len(label_value("y" * 1000)) == 64
