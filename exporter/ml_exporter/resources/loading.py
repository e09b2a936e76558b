"""When the process of the model server had loaded its model."""

from __future__ import annotations


class Loading:
    """Follows the processes of a server from probe to probe.

    The load of a process is known only if it was probed within ``soon`` seconds of its start: else it may have
    loaded before anybody looked. ``at`` is the time of the last load, None if that is not known.
    """

    def __init__(self, soon: float) -> None:
        self._soon = soon
        self._process: float | None = None
        self._is_awaited = False
        self.at: float | None = None

    @property
    def seconds(self) -> float | None:
        """Time from the start of the process to its load, None if that is not known."""
        return self.at - self._process if self.at is not None and self._process is not None else None

    def take(self, started: float | None, at: float, is_loaded: bool) -> None:
        """Take a probe at a time, of a process that had started then, None if that is not known."""
        if started is None:
            return
        if started != self._process:
            self._process, self._is_awaited, self.at = started, at - started <= self._soon, None
        if self._is_awaited and is_loaded:
            self._is_awaited, self.at = False, at
