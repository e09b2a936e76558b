"""A command on this machine."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ml_exporter.config.fields import Field, Section, boolean, duration, list_of, path, text
from ml_exporter.retrain.targets import child
from ml_exporter.retrain.targets.child import Ended
from ml_exporter.retrain.targets.target import Facts, Outcome, Result, TargetKind

DAY: Final = 86400.0


@dataclass(frozen=True)
class Command:
    """A command; it is the run, or starts one and ends."""

    arguments: tuple[str, ...]
    folder: Path | None
    timeout: float
    idempotent: bool

    def start(self, facts: Facts, stop: threading.Event) -> Outcome | None:
        """Run the command to its end."""
        ended = child.run(self.arguments, facts, stop, timeout=self.timeout, folder=self.folder)
        return judged(ended) if isinstance(ended, Ended) else ended


def judged(ended: Ended) -> Outcome:
    """Return what an exit code means: 0 is success, 75 (EX_TEMPFAIL of sysexits.h) asks to come again."""
    if ended.code == 0:
        return Outcome(Result.STARTED, "ended with 0")
    if ended.code == os.EX_TEMPFAIL:
        return Outcome(Result.RETRY, f"ended with {ended.code}")
    told = f"was ended by signal {-ended.code}" if ended.code < 0 else f"ended with {ended.code}"
    return Outcome(Result.FAILED, f"{told}; its output is in the log")


TARGET: Final = TargetKind(
    key="command",
    meaning="a command on the bridge's machine",
    example="{kind: command, arguments: [python3, train.py], folder: /srv/training, timeout: 2h}",
    sends=(
        "the facts in the environment (`ML_RETRAIN_JOB`, `_MODEL`, `_VERSION`, `_STARTS_AT`, and as JSON"
        " `_ALERTS`, `_FINGERPRINTS`, `_PARAMETERS`) and all of them as JSON on standard input; exit code 0 is"
        " success, 75 asks for another attempt, every other one is final"
    ),
    once="with `idempotent: true` it is run again after the bridge ended half way; otherwise the job is `unknown`",
    section=Section(
        (
            Field("arguments", list_of(text(r"[^\0]+", longest=4000), 1), "Program and arguments; never a shell."),
            Field("folder", path(), "Working directory; default: the bridge's.", None),
            Field("timeout", duration(0.1, 7 * DAY), "Longest run; then its process group is ended.", 3600.0),
            Field("idempotent", boolean(), "Running it twice for one `ML_RETRAIN_JOB` does no harm.", False),
        )
    ),
    make=Command,
)
