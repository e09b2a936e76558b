"""What a target is: it starts a training run from the facts of a job and says what came of it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from ml_exporter.config.fields import Section

Parameter = str | int | float | bool

FACTS: Final = "ml_retrain"
"""The key under which the facts of a job are handed over."""


class Result(StrEnum):
    """What came of an attempt."""

    STARTED = "started"
    RETRY = "retry"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt, why, the id that the target gave the run, seconds that it asks to wait.

    ``status`` is that of its answer, 0 if there was none.
    """

    result: Result
    reason: str = ""
    run_id: str = ""
    retry_after: float = 0.0
    status: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Facts:
    """What a run is told: data for JSON or the environment, never a part of a command, path, URL or template.

    ``model``, ``alerts`` and ``parameters`` are as in the configuration; ``version`` has letters, digits and
    ``. _ + : @ -`` only; ``starts_at`` is a time in UTC.
    """

    job: str
    model: str
    version: str
    alerts: tuple[str, ...]
    fingerprints: tuple[str, ...]
    starts_at: str
    parameters: Mapping[str, Parameter]

    def document(self) -> dict[str, Any]:
        """Return the facts without the parameters, for JSON."""
        return {
            "job": self.job,
            "model": self.model,
            "version": self.version,
            "alerts": list(self.alerts),
            "fingerprints": list(self.fingerprints),
            "starts_at": self.starts_at,
        }

    def payload(self) -> dict[str, Any]:
        """Return facts and parameters under a key each, for JSON."""
        return {FACTS: self.document(), "parameters": dict(self.parameters)}

    @property
    def run_name(self) -> str:
        """A name of the run that no other job has: lower-case letters, digits and ``-``, at most 63."""
        return f"ml-retrain-{self.job}"


class Target(Protocol):
    """A place where runs are started; settings in, outcome out."""

    @property
    def idempotent(self) -> bool:
        """Whether starting the same job twice starts one run."""

    def start(self, facts: Facts, stop: threading.Event) -> Outcome | None:
        """Start a run and return what came of it; None if ``stop`` ended it half way. Runs in a thread of its own.

        Raises SecretError if a file with a secret cannot be read now.
        """


@dataclass(frozen=True)
class TargetKind:
    """A kind of target: its name and an example in the configuration, keys, class, rules between keys.

    ``check`` yields a key and what is wrong with it. ``sends`` and ``once`` tell people what is sent, and what
    keeps a job from running twice.
    """

    key: str
    meaning: str
    example: str
    sends: str
    once: str
    section: Section
    make: Callable[..., Target]
    check: Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]] = lambda values: ()


def compact(document: Any) -> str:
    """Return JSON without spaces."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


NAME_IN_PATH: Final = r"(?!\.{1,2}$)[A-Za-z0-9_.-]{1,200}"
"""Names of the configuration that stand in a URL's path."""

_ID: Final = re.compile(r"[\x21-\x7e]{1,200}")


def run_id(value: Any) -> str:
    """Return the id of a run in an answer, or an empty string if it is none."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if _ID.fullmatch(text) else ""
