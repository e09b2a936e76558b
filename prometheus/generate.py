"""Write the rule files from their definitions; ``make rules`` runs it, and a test compares."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from definitions import FAMILIES  # noqa: E402

from ml_exporter import __version__  # noqa: E402


def files() -> dict[Path, str]:
    """Return the text of every rule file that is generated, by its path."""
    return {HERE / f"rules/{family.key}.yml": family.as_text(__version__) for family in FAMILIES}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
        print(f"wrote {path.relative_to(HERE.parent)}")
