"""Every error that this project raises on purpose.

::

    ExporterError
    ├── ConfigError        a configuration file is wrong; holds every problem found
    ├── BaselineError      a baseline file or the data for one is wrong
    ├── UsageError         an option of the command line is wrong
    ├── EventsError        recorded events cannot be used
    ├── PayloadError       a request body or an event cannot be used; holds the reason for the counter
    ├── StateError         the state directory cannot be used
    ├── ResourceError      a resource of the host or the model server cannot be read
    │   └── NotRunningError    the model server does not run
    └── SecretError        a file with a secret cannot be read

A message says what is wrong, where, and what is allowed. None of them carries an HTTP status or an
exit code: the outward faces (``web``, ``cli``) map them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class ExporterError(Exception):
    """Base of every error raised on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a document: where it is, what it is, and which line of the file shows it."""

    where: str
    what: str
    line: int | None = None

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line is not None else ""
        return f"{place}{self.where}: {self.what}" if self.where else f"{place}{self.what}"


class ConfigError(ExporterError):
    """A configuration is wrong; ``problems`` lists every mistake found in one reading."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        super().__init__(f"{source}: {count}\n{lines}")


class BaselineError(ExporterError):
    """A baseline file is unusable, or the data handed to ``baseline fit`` are."""


class UsageError(ExporterError):
    """An option of the command line has a value that it cannot have."""


class EventsError(ExporterError):
    """Recorded events, or what was made of them before, cannot be used."""


class PayloadError(ExporterError):
    """A body or an event cannot be used; ``reason`` is the label under which the loss is counted."""

    def __init__(self, reason: str, what: str) -> None:
        self.reason = reason
        self.what = what
        super().__init__(what)


class StateError(ExporterError):
    """The state directory is unusable or held by another process."""


class ResourceError(ExporterError):
    """A resource cannot be read; its series are absent until it can."""


class NotRunningError(ResourceError):
    """The watched model server certainly does not run, which is no failure of reading it."""


class SecretError(ExporterError):
    """A file with a secret cannot be read now; the message names the file and nothing that is in it."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``'; did you mean "x"?'`` for the known word nearest to ``word``, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""
