"""Write the rule files from their definitions; ``make rules`` runs it, and a test compares.

``python prometheus/generate.py --history TILE FOLDER`` writes into FOLDER the recording rules for a history that
``ml-exporter backfill`` made with ``--interval TILE``: between its moments there is nothing that five minutes of a
counter could be read from, so that the shortest window is as long as the time between two of them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


def files() -> dict[Path, str]:
    """Return the text of every rule file that is generated, by its path."""
    from definitions import FAMILIES

    from ml_exporter import __version__

    return {HERE / f"rules/{family.key}.yml": family.as_text(__version__) for family in FAMILIES}


def write_history(tile: str, folder: Path) -> None:
    """Write the recording rules for a history, and the thresholds as they are."""
    os.environ["ML_RULES_TILE"] = tile
    from definitions import FAMILIES

    from ml_exporter import __version__

    folder.mkdir(parents=True, exist_ok=True)
    for family in FAMILIES:
        (folder / f"{family.key}.yml").write_text(replace(family, alerts=()).as_text(__version__))
    shutil.copy(HERE / "rules/thresholds.yml", folder)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--history", nargs=2, metavar=("TILE", "FOLDER"), help="TILE: 30m or 1h")
    given = parser.parse_args()
    if given.history:
        tile, folder = given.history
        if tile not in ("30m", "1h"):
            parser.error(f"--history: TILE must be 30m or 1h, got {tile}")
        write_history(tile, Path(folder))
        return
    for path, text in files().items():
        path.write_text(text)
        print(f"wrote {path.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
