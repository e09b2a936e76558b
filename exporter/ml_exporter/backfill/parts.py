"""A history as files: how long a part of it is, what says that a folder holds this history, and writing a part."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ml_exporter.app.runtime import ModelRuntime, runtimes
from ml_exporter.backfill.evaluation import Evaluation
from ml_exporter.backfill.replay import Snapshot
from ml_exporter.config.load import load
from ml_exporter.core.errors import EventsError
from ml_exporter.exposition.history import HistoryText

PARTS: Final = "parts"
MANIFEST: Final = "history.json"
SPAN: Final = "span.json"

_HOUR: Final = 3600
_LENGTHS: Final[tuple[int, ...]] = (60, 300, 1200, _HOUR, *(2 * _HOUR * 3**power for power in range(6)))
"""Lengths of a part in seconds; from two hours on those of Prometheus' blocks: threefold, up to 20 days."""

_MOST_MOMENTS: Final = 750
_MOST_BYTES: Final = 64 << 20
"""Snapshots in a part at most, and bytes of a version's sums (chosen: a few parts are in memory at a time)."""

_TOGETHER: Final = 60
"""Snapshots evaluated together (chosen: many enough for numpy's calls, few enough for the processor's cache)."""


def part_seconds(interval: int, size: int) -> int:
    """Return the length of a part: the longest with few enough snapshots of ``size`` bytes.

    >>> part_seconds(3600, 50_000), part_seconds(3600, 800_000), part_seconds(5, 800_000)
    (1749600, 194400, 300)
    """
    most = interval * min(_MOST_MOMENTS, _MOST_BYTES // size)
    return max([seconds for seconds in _LENGTHS if seconds <= most], default=_LENGTHS[0])


def part_name(number: int, seconds: int) -> str:
    """Return the file name of the part that begins ``number`` lengths after the epoch."""
    return datetime.fromtimestamp(number * seconds, UTC).strftime("%Y%m%dT%H%M%SZ.om")


class Folder:
    """The folder that a history is written to. EventsError if it holds another one."""

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self.path = path
        manifest = path / MANIFEST
        wanted = json.loads(json.dumps(facts))
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not self.files():
                if any(each.name != MANIFEST for each in path.iterdir()):
                    raise EventsError(f"{path}: holds other files; name a new folder with --output")
                write_whole(manifest, [json.dumps(wanted, indent=2).encode()])
            found = json.loads(manifest.read_text())
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or error
            raise EventsError(f"--output: {path} cannot be used: {why}") from error
        different = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
        if different:
            raise EventsError(
                f"{path}: holds a history of other {', '.join(different)}; delete it, or name a new --output"
            )

    def has(self, name: str) -> bool:
        """Return whether a part is there; it is whole then."""
        return (self.path / name).exists()

    def remember(self, first: int, last: int) -> None:
        """Note the first and the last moment of the whole history."""
        write_whole(self.path / SPAN, [json.dumps([first, last]).encode()])

    def span(self) -> tuple[int, int]:
        """Return the first and the last moment of all histories beside this one, its own among them."""
        spans = [json.loads(path.read_text()) for path in self.path.parent.glob(f"*/{SPAN}")]
        return min(first for first, _ in spans), max(last for _, last in spans)

    def all_files(self) -> list[Path]:
        """Return the parts of this history and of those beside it."""
        return sorted(self.path.parent.glob("*/*.om"))

    def files(self) -> list[Path]:
        """Return the parts, earliest first."""
        return sorted(self.path.glob("*.om"))


def fingerprint(paths: Sequence[Path], config: Path, model: ModelRuntime) -> dict[str, Any]:
    """Return what a history follows from, apart from the options."""
    for path in paths:
        if path.exists() and not path.is_file():
            raise EventsError(f"{path}: is no file")
    try:
        events = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in paths]
    except OSError as error:
        raise EventsError(f"{error.filename}: cannot be read: {error.strerror}") from error
    baseline = " ".join(document.sha256 for *_, document in model.setup.baselines)
    return {
        "events": events,
        "configuration": hashlib.sha256(config.read_bytes()).hexdigest(),
        "baseline": baseline,
    }


@dataclass
class Writer:
    """Evaluates the snapshots of a part and writes it; lives in a process of its own."""

    evaluation: Evaluation
    labels: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, config: Path, model: str, labels: tuple[tuple[str, str], ...]) -> Writer:
        """Return the writer for a model of a configuration file."""
        return cls(Evaluation(runtimes(load(config))[model]), labels)

    def write(self, snapshots: Sequence[Snapshot], path: Path) -> int:
        """Write the part, whole or not at all; return the number of its samples."""
        text = HistoryText(self.labels)
        for start in range(0, len(snapshots), _TOGETHER):
            self.evaluation.write(snapshots[start : start + _TOGETHER], text)
        write_whole(path, text.text())
        return text.samples


def write_whole(path: Path, content: Iterable[bytes]) -> None:
    """Write a file so that it is there whole or not at all."""
    temporary = path.with_suffix(".tmp")
    try:
        with open(temporary, "wb") as file:
            file.writelines(content)
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise EventsError(f"{path}: cannot be written: {error.strerror}") from error
