"""What a section of a model's page is, and what it is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ml_exporter.pages.markup import Html
from ml_exporter.pages.snapshot import Snapshot


class Of(Enum):
    """What a section tells about; in a report it stands once for each of these."""

    MODEL = "model"
    VERSION = "version"
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a page shows: a moment, a model, one of its versions, one of its windows; ``window`` may be empty.

    It is ``detailed`` unless a report shows it beside all others.
    """

    snapshot: Snapshot
    model: str
    version: str
    window: str
    detailed: bool = True

    @property
    def total(self) -> tuple[str, str]:
        """The first labels of what is counted since the start, and of the baseline."""
        return self.model, self.version

    @property
    def scope(self) -> tuple[str, str, str]:
        """The first labels of what is of the window."""
        return self.model, self.version, self.window

    @property
    def reasons(self) -> dict[str, dict[str, str]]:
        """Why there is no sample within the window, by signal and feature."""
        return self.snapshot.reasons(*self.scope)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a model's page: ``content`` returns HTML, "" if the model has nothing of the kind."""

    key: str
    title: str
    of: Of
    content: Callable[[Selection], Html]
