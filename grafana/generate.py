"""Write the dashboards from their definitions; ``make dashboards`` runs it, and a test compares."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from boards import BOARDS  # noqa: E402


def files() -> dict[Path, str]:
    """Return the text of every dashboard, by its path."""
    return {HERE / f"dashboards/{board.uid}.json": board.as_text() for board in BOARDS}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(HERE.parent)}")
