"""Virtual environments of the rivals, each with the versions that are pinned in ``rivals/``."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
PINS = Path(__file__).parent / "rivals"
HOMES = ROOT / ".tools/rivals"


def python_of(rival: str) -> Path:
    """Return the interpreter of a rival's environment."""
    return HOMES / rival / "bin/python"


def make(rivals: Iterable[str]) -> None:
    """Make the environments whose pins are not installed yet."""

    def make_one(rival: str) -> None:
        home, pins = HOMES / rival, PINS / f"{rival}.txt"
        stamp = home / "pins.txt"
        if stamp.exists() and stamp.read_text() == pins.read_text():
            return
        print(f"installing {rival} into {home.relative_to(ROOT)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run([str(home / "bin/pip"), "install", "-q", "-r", str(pins)], check=True)
        stamp.write_text(pins.read_text())

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(make_one, rivals))
