"""Windows slide by dropping slices, and forget exactly what has left them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_exporter.state.ring import Ring, Window
from ml_exporter.sums.layout import BlockSpec, Layout, Sums

LAYOUT = Layout([BlockSpec("n", (1,))])


@pytest.mark.parametrize(
    ("duration", "width", "slices"),
    [("5m", 10, 30), ("1h", 120, 30), ("24h", 3600, 24), ("7d", 21600, 28), ("10s", 1, 10), ("90d", 86400, 90)],
)
def test_slices_have_round_widths(duration: str, width: int, slices: int) -> None:
    window = Window.of(duration)
    assert (window.width, window.length // window.width) == (width, slices)
    assert window.label == duration


@given(
    gaps=st.lists(st.floats(0, 40), min_size=1, max_size=60),
    counts=st.lists(st.integers(1, 1000), min_size=60, max_size=60),
)
def test_the_total_is_the_sum_over_the_slices_that_the_window_reaches(
    gaps: list[float], counts: list[int]
) -> None:
    window = Window(length=60, width=10, label="1m")
    ring = Ring(window, LAYOUT)
    now, added = 1_000.0, []
    for gap, count in zip(gaps, counts, strict=False):
        now += gap
        ring.add(now, np.array([count]))
        added.append((now, count))
        newest = int(now // 10)
        expected = sum(count for time, count in added if int(time // 10) > newest - 6)
        assert ring.total["n"][0] == expected
        assert now - 60 < (ring.slices[0].number + 1) * 10
        assert ring.started == next(time for time, _ in added if int(time // 10) == ring.slices[0].number)


def test_an_idle_window_empties() -> None:
    ring = Ring(Window(length=60, width=10, label="1m"), LAYOUT)
    ring.add(5.0, np.array([7]))
    assert not ring.advance(59.0)
    assert ring.advance(60.0)
    assert ring.total["n"][0] == 0
    assert np.isnan(ring.started)


def test_a_clock_that_stands_or_goes_back_a_little_loses_nothing() -> None:
    ring = Ring(Window(length=60, width=10, label="1m"), LAYOUT)
    ring.add(100.0, np.array([1]))
    ring.add(95.0, np.array([1]))
    assert ring.total["n"][0] == 2


def test_what_follows_from_a_slice_is_made_once_until_it_grows() -> None:
    ring = Ring(Window(length=60, width=10, label="1m"), LAYOUT)
    ring.add(5.0, np.array([7]))
    ring.add(15.0, np.array([1]))
    calls: list[int] = []

    def made(sums: Sums) -> int:
        calls.append(int(sums["n"][0]))
        return calls[-1]

    for expected in ([7, 1], [7, 1], [7, 4]):
        if expected == [7, 4]:
            ring.add(16.0, np.array([3]))
        assert [part.derived(made, LAYOUT) for part in ring.slices] == expected
    assert calls == [7, 1, 4]
