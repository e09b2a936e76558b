"""Current releases of tools of which Debian has older ones."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / ".tools"


def newer(name: str, how: str = "where Go is at hand, deploy/bootstrap.sh newer builds it") -> str:
    """Return the tool, or skip the test with the reason and how to get it."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"no {name} in .tools: {how}")
    return str(path)
