"""A library with NVML's C interface and made-up GPUs, compiled for the tests; nvml.c says what it can do."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("nvml.c")


def build(folder: Path) -> Path:
    """Compile the library into a folder and return that; skip where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler (cc): apt-get install gcc")
    library = folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)], check=True)
    return folder


class Gpus:
    """What the made-up library answers; processes that are started with its environment find it."""

    def __init__(self, folder: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._file = folder / "gpus"
        self.say()
        monkeypatch.setenv("NVML_FILE", str(self._file))
        monkeypatch.setenv("LD_LIBRARY_PATH", str(library))

    def say(self, *lines: str) -> None:
        """Answer as these lines say from now on."""
        new = self._file.with_suffix(".new")
        new.write_text("".join(f"{line}\n" for line in lines))
        os.replace(new, self._file)

    def calls(self, name: str) -> list[int]:
        """Return the processes that opened, or closed, the library, in order."""
        try:
            found = self._file.with_suffix(".calls").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [int(line.split()[1]) for line in found if line.split()[0] == name]
