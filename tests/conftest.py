"""What every test may rely on: nothing that it opened outlives it."""

from collections.abc import Iterator

import pytest

from support.engine import Bench


@pytest.fixture(autouse=True)
def _close_benches() -> Iterator[None]:
    yield
    while Bench.open:
        Bench.open.pop().vanish()
