"""What is said about a run of a pipeline: of training, of features, of anything that is to run again and again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
"""Names of pipelines: they stand in paths and in labels."""


class State(StrEnum):
    """What has become of a run."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Report:
    """A report about the run ``id`` of a pipeline, which arrived ``at``; times are seconds since the Unix epoch.

    ``scheduled`` is when the run was to start, ``interval`` after how many seconds the next one is expected.
    """

    pipeline: str
    id: str
    state: State
    at: float
    scheduled: float | None = None
    start: float | None = None
    end: float | None = None
    rows: int | None = None
    data_version: str | None = None
    error: str | None = None
    interval: float | None = None
